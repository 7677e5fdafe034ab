"""What a stream costs, beside a bare ASGI endpoint and beside stock django-eventstream, in one run.

    python -m tests.bench.stream [--clients 500 2000] [--events 20] [--write docs/benchmarks-stream.json]

Each contestant is one uvicorn process on the same PostgreSQL. Events are committed here one by one and timed until each
client has them; the clients are plain sockets in this process, so all contestants suffer them alike. CPU is the
server process' own. Stock django-eventstream holds a thread and a database connection for every client, so it gets
only 80; the figure to compare is the CPU a delivery.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
import tests.postgres  # noqa: F401  (starts or joins the test server)
from bo1site.supervisor import free_port
from tests.live import database, wait_until
from tests.stream.processes import Site, _accepts

TEXT = "The families have schools to think of, and the lease in Leeds runs until March. " * 6
STOCK_CLIENTS = 80
_ID = re.compile(rb"^id: (?:bench:)?(\d+)$", re.MULTILINE)


class Listener(asyncio.Protocol):
    """One client: counts ids and notes when the newest came."""

    def __init__(self, request: bytes) -> None:
        self.request, self.last, self.at, self.status, self.rest = request, 0, 0.0, 0, b""
        self.first = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.status:
            self.status = int(data.split(b" ", 2)[1])
        found = _ID.findall(self.rest + data)
        self.rest = data[-40:] if not data.endswith(b"\n\n") else b""
        if found:
            self.last, self.at = max(self.last, int(found[-1])), time.perf_counter()


class Contestant:
    def __init__(self, name: str, site: Site) -> None:
        self.name, self.site, self.port = name, site, free_port(0)
        target = {"ours": "bo1site.asgi:application"}.get(name, f"tests.bench.{name}_stream:app")
        command = ["-m", "uvicorn", target, "--port", str(self.port), "--log-level", "warning", "--lifespan", "off"]
        settings = "tests.bench.stock_stream_settings" if name == "stock" else "bo1site.settings"
        env = {"DJANGO_SETTINGS_MODULE": settings, "STREAM_PER_USER": "100000", "DATABASE_POOL_SIZE": "20"}
        site.start(name, [*command, "--backlog", "4096"], **env)
        wait_until(lambda: _accepts(self.port), seconds=60, what=name)
        self.process = psutil.Process(site.processes[name].pid)

    def cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def backends(self) -> int:
        [(count,)] = self.site.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(count) - 1

    async def connect(self, session: str, count: int, last: int, headers: dict[str, str]) -> list[Listener]:
        loop = asyncio.get_running_loop()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

        async def one(n: int) -> Listener:
            target = f"/api/v1/sessions/{session}/stream?lastEventId={last}&tab={self.name}{n}{time.monotonic_ns()}"
            request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{lines}\r\n".encode()
            _, protocol = await loop.create_connection(lambda: Listener(request), "127.0.0.1", self.port)
            return protocol

        found: list[Listener] = []
        for start in range(0, count, 100):
            found += await asyncio.gather(*(one(n) for n in range(start, min(count, start + 100))))
        return found

    def write(self, session: str, count: int = 1) -> None:
        if self.name == "stock":
            query = urllib.parse.urlencode({"count": count, "text": TEXT})
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/send?{query}", timeout=300).read()
            return
        append(self.site, session, count)

    def head(self, session: str) -> int:
        if self.name == "stock":
            rows = self.site.query("SELECT value FROM django_eventstream_eventcounter WHERE name = 'bench'")
            return int(rows[0][0]) if rows else 0
        [(head,)] = self.site.query("SELECT last_sequence FROM board_session WHERE id = %s", session)
        return int(head)


def append(site: Site, session: str, count: int) -> None:
    """``count`` events in one transaction, by the shortest way there is."""
    with psycopg.connect(site.database_url) as connection:
        connection.execute(
            "WITH h AS (UPDATE board_session SET last_sequence = last_sequence + %(n)s WHERE id = %(s)s"
            " RETURNING last_sequence - %(n)s AS base), w AS (INSERT INTO board_event (session_id, sequence, type,"
            " data, key, checkpoint_id, created_at) SELECT %(s)s, base + i, 'interjection', jsonb_build_object('text',"
            " %(t)s::text), 'k' || (base + i), '', clock_timestamp() FROM h, generate_series(1, %(n)s) i)"
            " SELECT pg_notify('board_events', %(s)s || ':' || base + %(n)s) FROM h",
            {"n": count, "s": session, "t": TEXT},
        )


async def caught_up(listeners: list[Listener], head: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(listener.last >= head for listener in listeners):
            return True
        await asyncio.sleep(0.01)
    return False


def close(listeners: list[Listener]) -> None:
    for listener in listeners:
        listener.transport.abort()


async def fan_out(
    peer: Contestant, session: str, headers: dict[str, str], clients: int, events: int
) -> dict[str, float]:
    await asyncio.to_thread(peer.write, session)
    before = peer.process.memory_info().rss
    head = peer.head(session)
    listeners = await peer.connect(session, clients, head - 1, headers)
    assert await caught_up(listeners, head, 60), f"{peer.name}: {sum(li.last < head for li in listeners)} got nothing"
    await asyncio.sleep(1)
    memory = (peer.process.memory_info().rss - before) / clients
    threads, backends = peer.process.num_threads(), peer.backends()
    delays: list[float] = []
    cpu = peer.cpu()
    for _ in range(events):
        await asyncio.to_thread(peer.write, session)
        committed, head = time.perf_counter(), head + 1
        assert await caught_up(listeners, head, 30)
        delays += [max(0.0, listener.at - committed) for listener in listeners]
        await asyncio.sleep(0.05)
    cpu = peer.cpu() - cpu
    close(listeners)
    await asyncio.sleep(0.5)
    return {
        "clients": clients,
        "cpu_ms_an_event": round(1000 * cpu / events, 1),
        "cpu_us_a_delivery": round(1e6 * cpu / events / clients, 1),
        "p50_ms": round(1000 * median(delays), 1),
        "p99_ms": round(1000 * quantiles(delays, n=100)[98], 1),
        "memory_kib_a_client": round(memory / 1024, 1),
        "threads": threads,
        "database_connections": backends,
    }


async def replay(peer: Contestant, session: str, headers: dict[str, str], events: int) -> dict[str, float]:
    best, head, cpu = 0.0, peer.head(session), peer.cpu()
    for _ in range(3):
        begin = time.perf_counter()
        listeners = await peer.connect(session, 1, max(0, head - events), headers)
        assert await caught_up(listeners, head, 120)
        best = max(best, min(events, head) / (listeners[0].at - begin))
        close(listeners)
    return {"events_a_second": round(best), "cpu_us_an_event": round(1e6 * (peer.cpu() - cpu) / 3 / events, 1)}


async def storm(peer: Contestant, session: str, headers: dict[str, str], clients: int) -> dict[str, float]:
    head, cpu = peer.head(session), peer.cpu()
    begin = time.perf_counter()
    listeners = await peer.connect(session, clients, head - 50, headers)
    complete = await caught_up(listeners, head, 60)
    took = max(listener.at for listener in listeners) - begin
    refused = sum(listener.status != 200 for listener in listeners)
    close(listeners)
    await asyncio.sleep(0.5)
    cpu = peer.cpu() - cpu
    return {"seconds": round(took, 2), "cpu_seconds": round(cpu, 2), "refused": refused, "complete": complete}


async def contest(name: str, site: Site, headers: dict[str, str], options: argparse.Namespace) -> dict[str, Any]:
    peer = await asyncio.to_thread(Contestant, name, site)
    session = site.add_session()
    await asyncio.to_thread(peer.write, session, 5)
    await fan_out(peer, session, headers, 20, 3)  # warm
    sizes = [STOCK_CLIENTS] if name == "stock" else options.clients
    result: dict[str, Any] = {"fan_out": []}
    for clients in sizes:
        result["fan_out"].append(await fan_out(peer, session, headers, clients, options.events))
    await asyncio.to_thread(peer.write, session, 10_000)
    result["replay"] = {n: await replay(peer, session, headers, n) for n in (1000, 10_000)}
    if name != "stock":
        result["storm_of_1000"] = await storm(peer, session, headers, 1000)
    site.kill(name)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--events", type=int, default=20)
    parser.add_argument("--only", nargs="+", default=["bare", "ours", "stock"])
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with database() as url, tempfile.TemporaryDirectory() as directory:
        site = Site(url, Path(directory), {"DATABASE_URL": url, "BO1_DATA": directory})
        try:
            headers = site.add_reader()
            found: dict[str, Any] = {"machine": f"{os.cpu_count()} CPUs, Python {platform.python_version()}"}
            for name in options.only:
                try:
                    found[name] = asyncio.run(contest(name, site, headers, options))
                except Exception:
                    print(site.log(name)[-3000:])
                    raise
                print(name, json.dumps(found[name], indent=1), flush=True)
        finally:
            site.stop()
    if options.write:
        options.write.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
