"""``python -m tests.scripts``: runs pieces of code inside the product, one after the other, with everything imported.

Orders are lines of JSON on standard input, each a text of Python; each is answered by a line of JSON, what it printed
and, if it raised, the traceback. A test that started a process for every piece would spend its life importing.
"""

import contextlib
import io
import json
import os
import sys
import traceback


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
    import django

    django.setup()
    from django.db import connections

    answers, printed = sys.stdout, io.StringIO()
    for line in sys.stdin:
        error = ""
        printed.seek(0)
        printed.truncate()
        with contextlib.redirect_stdout(printed):
            try:
                exec(json.loads(line), {})
            except BaseException:
                error = traceback.format_exc()
        for connection in connections.all(initialized_only=True):  # none is held while nothing is done
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]
        print(json.dumps([printed.getvalue(), error]), file=answers, flush=True)


if __name__ == "__main__":
    main()
