"""``manage.py deliberate "…"``: one deliberation from the command line, start to finish."""

import shutil
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from sessions import export
from sessions.documents import InvalidDocument
from sessions.management.provider import provider
from sessions.models import Event, Session, Status
from sessions.runner import drive_session
from sessions.services.files import decision_from, decision_in, documents_from
from sessions.services.start import Decision, InvalidDecision, create, start

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "relocation.md"


class Command(BaseCommand):
    help = "Debate one decision, show it happen, print the result. Exit code 0 when a recommendation was reached."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("decision", nargs="?", help="the decision in your own words")
        parser.add_argument("--file", type=Path, help="read the decision from a file (with ## Options, ## Constraints)")
        parser.add_argument("--context", type=Path, help="a text file with background")
        parser.add_argument("--document", type=Path, action="append", help="text, Markdown or PDF; may be repeated")
        parser.add_argument("--example", action="store_true", help="debate the example that comes with the product")
        parser.add_argument("--rounds", type=int, help="at most so many rounds for each part")
        parser.add_argument("--quiet", action="store_true", help="print only the result")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        try:
            decision = _decision(options)
            session = create(_owner(), decision)
        except (InvalidDecision, InvalidDocument) as error:
            raise CommandError(f"{error} [{error.code}]") from None
        with provider():
            start(session)
            teller = _Teller(self, session, quiet=options["quiet"])
            teller.start()
            try:
                drive_session(session.pk)
                _until_over(session)
            finally:
                teller.stop()
        session.refresh_from_db()
        if session.status != Status.COMPLETED:
            failure = session.failure or {}
            raise CommandError(
                f"The session is {session.get_status_display().lower()}: {failure.get('message', 'see its page')} "
                f"[{failure.get('code', session.status)}]  Session {session.pk}"
            )
        self.stdout.write("\n" + export.markdown(session))


def _decision(options: dict[str, Any]) -> Decision:
    if options["example"] or options["file"]:
        decision = decision_from(EXAMPLE if options["example"] else options["file"], options["context"])
    elif options["decision"]:
        decision = decision_in(options["decision"], options["context"])
    else:
        raise CommandError('Say what has to be decided: manage.py deliberate "Should we …", or --file, or --example.')
    if options["rounds"] is not None:
        decision = replace(decision, max_rounds=options["rounds"])
    return replace(decision, documents=documents_from(options["document"] or []))


def _owner() -> Any:
    """The account that owns what the command line starts."""
    owner, _ = get_user_model().objects.get_or_create(username="staff", defaults={"is_staff": True})
    return owner


def _until_over(session: Session) -> None:
    """Wait for a session that a running board's worker took before us."""
    live = [Status.QUEUED, Status.RUNNING]
    while Session.objects.filter(pk=session.pk, status__in=live).exists():
        time.sleep(0.3)


class _Teller(threading.Thread):
    """Tells the story on the terminal while it happens, from the event table as every other reader."""

    def __init__(self, command: BaseCommand, session: Session, *, quiet: bool) -> None:
        super().__init__(daemon=True, name="teller")
        self._command, self._session, self._quiet = command, session, quiet
        self._done = threading.Event()
        self._last = 0

    def run(self) -> None:
        try:
            while not self._done.wait(0.2):
                self._tell()
            self._tell()
        finally:
            connection.close()

    def stop(self) -> None:
        self._done.set()
        self.join(5)

    def _tell(self) -> None:
        if self._quiet:
            return
        width = min(shutil.get_terminal_size((100, 24)).columns, 110)
        news = Event.objects.filter(session=self._session, sequence__gt=self._last).order_by("sequence")
        for event in news:
            self._last = event.sequence
            line = _line(event.type, event.data)
            if line:
                self._command.stdout.write(textwrap.fill(line, width, subsequent_indent="      "))
                self._command.stdout.flush()


def _line(type_: str, data: dict[str, Any]) -> str:
    """One line about an event, or nothing for those that only machines care about."""
    match type_:
        case "frame_ready":
            return f"\n■ {data['question']}  (complexity {data['complexity']}/10)"
        case "decomposed":
            return "  In parts: " + "; ".join(part["title"] for part in data["sub_problems"])
        case "board_selected":
            return "\n  The board: " + ", ".join(f"{seat['name']} ({seat['method']})" for seat in data["seats"])
        case "round_started":
            part = f", part {data['sub_problem'] + 1}" if data["sub_problem"] else ""
            return f"\n  Round {data['round']} of at most {data['of']}{part}"
        case "intervention":
            return f"    {data['name']} was called. {data['claim']} {data['question']}"
        case "part_settled":
            return f"    Recommendations of part {data['sub_problem'] + 1}: " + "; ".join(
                f"{one['option']} {one['votes']}, {one['weighted']:.0%} by confidence" for one in data["options"]
            )
        case "part_broken":
            return f"    Part {data['sub_problem'] + 1} could not be finished: {data['message']}"
        case "contribution":
            return f"    {data['name']} [{data['option']}, {data['confidence']:.0%}]: {data['claim']}"
        case "contribution_failed":
            return f"    {data['name']} could not be heard: {data['message']}"
        case "round_assessed":
            return f"    → agreement {data['convergence']:.0%}, news {data['novelty']:.0%}: {data['reason']}"
        case "vote":
            return f"    {data['name']} recommends: {data['recommendation']}"
        case "memo_ready":
            return f"\n■ {data['recommendation']}"
        case "session_resumed":
            return f"  (carried on: {data['reason']})"
        case "session_failed":
            return f"\n✗ {data['message']}"
    return ""
