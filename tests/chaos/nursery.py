"""``python -m tests.chaos.nursery``: forks a runner process per order, with everything imported already.

Orders are lines of JSON on standard input, ``[session id, fault directory]``; each is answered by the child's return
code (negative for a signal) when it has ended. A process that is killed a dozen times would else spend its life
importing.
"""

import json
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
    import django

    django.setup()
    from bo1site.resilience import faults
    from sessions.runner import drive_session

    for line in sys.stdin:
        session, directory = json.loads(line)
        child = os.fork()
        if child == 0:
            faults._DIRECTORY = directory
            status = drive_session(session)
            sys.stdout.flush()
            os._exit(0 if status == "completed" else 1)
        _, how = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(how), flush=True)


if __name__ == "__main__":
    main()
