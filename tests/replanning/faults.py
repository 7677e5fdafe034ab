"""Faults at every statement, on a real PostgreSQL; and a process that is killed there.

``python -m tests.replanning.faults VERB ID USER`` runs a verb again and again, each time in a process of its own that
dies by SIGKILL before its first, second, third … statement, then before the commit, and at last lets it through. It
prints how many died.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def fault_at(number: int, strike: Callable[[Any], None]) -> Iterator[list[str]]:
    """Call ``strike`` (with the execution context) before the statement with this number; yields what was executed."""
    from django.db import connection

    executed: list[str] = []

    def wrapper(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        executed.append(str(sql))
        if len(executed) == number:
            strike(context)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield executed


def run(verb: str, id_: str, actor: Any) -> None:
    from replanning.services import accept, offer, replan

    {
        "replan": lambda: replan.replan(id_, actor=actor),
        "accept": lambda: accept.accept(id_, actor=actor),
        "accept_plan": lambda: offer.accept_plan(id_, actor=actor),
    }[verb]()


def _die(_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _one_life(verb: str, id_: str, user_id: str, number: int, tell: int) -> None:
    from django.contrib.auth import get_user_model
    from django.db import transaction

    actor = get_user_model().objects.get(pk=user_id)
    with fault_at(number, _die):
        if number == 0:
            run(verb, id_, actor)
            return
        with transaction.atomic():
            run(verb, id_, actor)
            os.write(tell, b"every statement is done, the commit is not")
            _die(None)


def main(verb: str, id_: str, user_id: str) -> None:
    import django

    django.setup()
    listen, tell = os.pipe()
    os.set_blocking(listen, False)
    number = deaths = 0
    while True:
        number += 1
        if _status_of_life(verb, id_, user_id, number, tell) != signal.SIGKILL:
            sys.exit(f"life {number} did not end with SIGKILL")
        deaths += 1
        try:
            os.read(listen, 100)
        except BlockingIOError:
            continue
        break
    if _status_of_life(verb, id_, user_id, 0, tell) != 0:
        sys.exit("the last life should have lived")
    print(deaths)


def _status_of_life(verb: str, id_: str, user_id: str, number: int, tell: int) -> int:
    """Fork, run, and return the wait status: 0 for a good end, the signal's number for a death."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _one_life(verb, id_, user_id, number, tell)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


if __name__ == "__main__":
    main(*sys.argv[1:])
