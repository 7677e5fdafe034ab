"""``manage.py runboard``: the whole board on this machine, with one command."""

import os
import secrets
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from bo1site import embedded
from bo1site.supervisor import Child, Supervisor, free_port
from llm.offline import process


class Command(BaseCommand):
    help = "Run web, worker and (without an API key) the offline provider; Ctrl-C stops them all and keeps the data."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        if free_port(port, host) != port:
            raise CommandError(f"Port {port} is taken. Choose another one: PORT={port + 1} make run")
        call_command("migrate", interactive=False, verbosity=0)
        password = _staff_password()
        supervisor = Supervisor(_children(host, port), tend_also=_keep_postgres if settings.EMBEDDED_DATABASE else None)
        address = f"http://{host}:{port}/"

        def announce() -> None:
            self.stdout.write(
                f"\n  Board of One is ready:  {address}\n"
                f"  Sign in as              staff / {password}\n"
                f"  Staff pages             {address}admin/\n"
                + (
                    "  Language model          offline demo (set ANTHROPIC_API_KEY or OPENAI_API_KEY for a real one)\n"
                    if settings.OFFLINE
                    else ""
                )
                + f"  Data                    {settings.DATA_DIR}\n"
                "  Ctrl-C stops everything; your sessions are kept.\n"
            )
            self.stdout.flush()

        try:
            supervisor.run(when_up=announce, is_up=lambda: _answers(f"{address}health/ready"))
        finally:
            if settings.EMBEDDED_DATABASE:
                # Also when an earlier board, killed hard, had left the server running and we only joined it.
                connections.close_all()
                embedded.stop(settings.DATA_DIR / "postgres")
        self.stdout.write("Stopped. Your sessions are kept.")


def _children(host: str, port: int) -> list[Child]:
    python = sys.executable
    manage = str(settings.BASE_DIR / "manage.py")
    shared: dict[str, str] = {}
    children: list[Child] = []
    if settings.OFFLINE:
        parts = urlsplit(settings.OFFLINE_URL)
        provider_port = free_port(parts.port or 8765)
        shared["OFFLINE_URL"] = f"http://127.0.0.1:{provider_port}"
        latency = os.environ.get("OFFLINE_LATENCY", "0.6-2.0")  # so that a person can follow the debate
        children.append(
            Child(
                "offline provider",
                process.command(provider_port),
                env={**shared, "OFFLINE_LATENCY": latency},
                grace=3,
            )
        )
    web = [python, "-m", "uvicorn", "bo1site.asgi:application", "--host", host, "--port", str(port)]
    # Open event streams never end by themselves, so the server must be told how long to wait for them.
    web += ["--timeout-graceful-shutdown", "3", "--log-level", "warning", "--lifespan", "off"]
    children.append(Child("web", web, env={**shared, "BO1_ROLE": "web"}, grace=8))
    children.append(Child("worker", [python, manage, "boardworker"], env={**shared, "BO1_ROLE": "worker"}, grace=20))
    return children


def _keep_postgres() -> None:
    data = settings.DATA_DIR / "postgres"
    if not embedded.is_running(data):
        embedded.attach(data)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 (our own address)
            return bool(response.status == 200)
    except OSError:
        return False


def _staff_password() -> str:
    """The staff account's password: generated once, kept beside the data; empty when somebody changed it since."""
    path: Path = settings.DATA_DIR / "staff_password"
    users = get_user_model().objects
    if not users.filter(username="staff").exists():
        password = secrets.token_urlsafe(9)
        users.create_superuser("staff", "staff@board.local", password)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(password)
        return password
    if path.exists():
        password = path.read_text().strip()
        user = users.get(username="staff")
        if user.check_password(password):
            return password
    return "(the password you chose)"
