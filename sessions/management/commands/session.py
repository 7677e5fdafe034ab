"""``manage.py session VERB …``: what pages, API and admin do to a session, from a terminal on a host of the board."""

import getpass
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from sessions.models import Session
from sessions.services import control, recovery, start
from sessions.services.control import InvalidWord
from sessions.services.recovery import CannotResume
from sessions.transitions import IllegalTransition

Verb = Callable[[UUID, str, dict[str, Any]], object]


def _retry(session: UUID, actor: str, given: dict[str, Any]) -> object:
    return recovery.resume_session_from_checkpoint(
        session,
        given["checkpoint"],
        actor=actor,
        reason=given["reason"],
        reuse_answers=not given["afresh"],
    )


#: What it is called, what it does, and the service that does it.
VERBS: dict[str, tuple[str, Verb]] = {
    "start": (
        "put a draft into line",
        lambda session, actor, given: start.start(_row(session), actor=actor, reason=given["reason"]),
    ),
    "pause": (
        "rest before the next step",
        lambda session, actor, given: control.pause(session, actor, given["reason"]),
    ),
    "resume": (
        "put a paused session back into line",
        lambda session, actor, given: control.resume(session, actor, given["reason"]),
    ),
    "kill": (
        "stop at once and for good",
        lambda session, actor, given: control.kill(session, actor, given["reason"]),
    ),
    "retry": ("carry on a failed or paused session, or with --checkpoint go back to an older step", _retry),
    "answer": (
        "answer the board's questions, in their order",
        lambda session, actor, given: control.answer(session, actor, given["words"]),
    ),
    "interject": (
        "say something to the board",
        lambda session, actor, given: control.interject(session, actor, " ".join(given["words"])),
    ),
}


class Command(BaseCommand):
    help = "Control a session: the same services as the pages, with an audit entry in the name of who runs this."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name, (what, _) in VERBS.items():
            verb = verbs.add_parser(name, help=what, description=what.capitalize() + ".")
            verb.add_argument("session", type=UUID, metavar="SESSION")
            if name in ("answer", "interject"):
                verb.add_argument("words", nargs="+", metavar="TEXT")
            else:
                verb.add_argument("--reason", default="", help="kept in the audit trail")
            if name == "retry":
                verb.add_argument("--checkpoint", help="an older step, as GET …/checkpoints lists them")
                verb.add_argument("--afresh", action="store_true", help="pay for new answers to identical questions")
        everything = verbs.add_parser("kill-all", help="stop every session that is not over, at once and for good")
        everything.add_argument("--reason", required=True, help="kept in the audit trail of each")

    def handle(self, *args: Any, verb: str, **given: Any) -> None:
        actor = f"{getpass.getuser()} (command line)"
        if verb == "kill-all":
            tally = control.kill_all(actor, given["reason"])
            self.stdout.write(f"{tally.done} stopped, {len(tally.skipped)} left alone.")
            for session, why in tally.skipped:
                self.stdout.write(f"{session}: {why}")
            return
        try:
            VERBS[verb][1](given["session"], actor, given)
        except Session.DoesNotExist:
            raise CommandError(f"There is no session {given['session']}. [not_found]") from None
        except (CannotResume, InvalidWord) as refused:
            raise CommandError(f"{refused} [{refused.code}]") from None
        except IllegalTransition as refused:
            raise CommandError(f"{refused} [illegal_transition]") from None
        row = _row(given["session"])
        asked = f", asked to {row.requested}" if row.requested else ""
        self.stdout.write(f"Session {row.pk}: {row.get_status_display().lower()}{asked}")


def _row(session: UUID) -> Session:
    return Session.objects.get(pk=session)
