"""``manage.py run_sessions``: carry sessions on in the foreground."""

from typing import Any
from uuid import UUID

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from sessions.models import Session
from sessions.runner.foreground import drive_all, drive_session


class Command(BaseCommand):
    help = (
        "Carry on every session that is in line or was left behind by a worker that died, until none is left. "
        "Finished steps and answers that were paid for are not repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", metavar="SESSION", help="carry on only this session")

    def handle(self, *args: Any, once: str | None = None, **options: Any) -> None:
        if once is None:
            ended = drive_all()
            self.stdout.write(f"{ended} runs ended; nothing is in line.")
            return
        try:
            session_id = UUID(once)
            session = Session.objects.get(pk=session_id)
        except (ValueError, Session.DoesNotExist):
            raise CommandError(f"There is no session {once!r}.") from None
        drive_session(session_id)
        session.refresh_from_db()
        self.stdout.write(f"Session {session_id}: {session.get_status_display().lower()}")
