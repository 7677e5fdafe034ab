"""What a stream costs, beside a bare ASGI endpoint and beside stock django-eventstream, in one run.

    python -m tests.bench.stream [--clients 80 500 2000] [--events 20] [--write docs/benchmarks-stream.json]

Each contestant is one uvicorn process on the same PostgreSQL; all of them run from begin to end and take turns, so what
else the machine does hits them alike. The clients are plain sockets in this process. Stock django-eventstream holds a
thread and a database connection for every client and carries no more than ``STOCK_CLIENTS``; the others are measured
with as many, too, and those figures are the ones to compare.

CPU is the server process' own, by the scheduler's clock. A delivery is what one more client adds to an event: what an
event costs with a single client is measured first and taken off, since stock also writes events in the process that
serves them, and the others do not. Times run from the moment before the write to
the moment a client has the event, memory from before the first client. Rates are medians.
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
from statistics import mean, median, quantiles
from typing import Any

import psutil
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
import tests.postgres  # noqa: F401  (starts or joins the test server)
from bo1site.supervisor import free_port
from tests.bench.stream_table import table
from tests.live import database, wait_until
from tests.stream.processes import Site, _accepts

TEXT = "The families have schools to think of, and the lease in Leeds runs until March. " * 6
STOCK_CLIENTS = 80
#: Deliveries that a figure of CPU rests on at least, and turns of each contestant in the replays.
DELIVERIES, ROUNDS = 8000, 9
_ID = re.compile(rb"^id: (?:bench:)?(\d+)$", re.MULTILINE)


class Listener(asyncio.Protocol):
    """One client: counts ids and notes when the newest came."""

    def __init__(self, request: bytes) -> None:
        self.request, self.last, self.at, self.status, self.rest = request, 0, 0.0, 0, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.status:
            self.status = int(data.split(b" ", 2)[1])
        found = _ID.findall(self.rest + data)
        self.rest = data[-40:] if not data.endswith(b"\n\n") else b""
        if found:
            self.last, self.at = max(self.last, int(found[-1])), time.time()


class Contestant:
    def __init__(self, name: str, site: Site, headers: dict[str, str]) -> None:
        self.name, self.site, self.headers, self.port = name, site, headers, free_port(0)
        target = {"ours": "bo1site.asgi:application"}.get(name, f"tests.bench.{name}_stream:app")
        command = ["-m", "uvicorn", target, "--port", str(self.port), "--log-level", "warning", "--lifespan", "off"]
        settings = "tests.bench.stock_stream_settings" if name == "stock" else "bo1site.settings"
        env = {"DJANGO_SETTINGS_MODULE": settings, "STREAM_PER_USER": "100000", "DATABASE_POOL_SIZE": "20"}
        site.start(name, [*command, "--backlog", "4096"], PGAPPNAME=f"bench-{name}", **env)
        wait_until(lambda: _accepts(self.port), seconds=60, what=name)
        self.process = psutil.Process(site.processes[name].pid)
        self.session = site.add_session()
        self.writes = psycopg.connect(site.database_url, application_name="bench-writes")
        self.memory, self.alone = 0, 0.0

    def cpu(self) -> float:
        """Seconds of processor time of all threads, to the nanosecond."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def backends(self) -> int:
        pattern = "bo1-%" if self.name == "ours" else f"bench-{self.name}"
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE %s"
        return int(self.site.query(query, pattern)[0][0])

    async def connect(self, count: int, last: int) -> list[Listener]:
        loop = asyncio.get_running_loop()
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())

        async def one(n: int) -> Listener:
            target = f"/api/v1/sessions/{self.session}/stream?lastEventId={last}&tab={n}x{time.monotonic_ns()}"
            request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{lines}\r\n".encode()
            _, protocol = await loop.create_connection(lambda: Listener(request), "127.0.0.1", self.port)
            return protocol

        found: list[Listener] = []
        for start in range(0, count, 100):
            found += await asyncio.gather(*(one(n) for n in range(start, min(count, start + 100))))
        return found

    def write(self, count: int = 1) -> None:
        if self.name != "stock":
            append(self.writes, self.session, count)
            return
        query = urllib.parse.urlencode({"count": count, "text": TEXT})
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/send?{query}", timeout=300).read()

    def head(self) -> int:
        if self.name == "stock":
            rows = self.site.query("SELECT value FROM django_eventstream_eventcounter WHERE name = 'bench'")
            return int(rows[0][0]) if rows else 0
        [(head,)] = self.site.query("SELECT last_sequence FROM board_session WHERE id = %s", self.session)
        return int(head)


def append(connection: psycopg.Connection[Any], session: str, count: int) -> None:
    """``count`` events in one transaction, by the shortest way there is, and the doorbell that the product rings."""
    with connection.transaction():
        connection.execute(
            "WITH h AS (UPDATE board_session SET last_sequence = last_sequence + %(n)s WHERE id = %(s)s"
            " RETURNING last_sequence - %(n)s AS base), w AS (INSERT INTO board_event (session_id, sequence, type,"
            " data, key, checkpoint_id, created_at) SELECT %(s)s, base + i, 'interjection', jsonb_build_object('text',"
            " %(t)s::text), 'k' || (base + i), '', clock_timestamp() FROM h, generate_series(1, %(n)s) i)"
            " SELECT pg_notify('board_events', %(s)s || ':' || base + %(n)s || CASE WHEN %(n)s = 1 THEN ':' ||"
            " (extract(epoch FROM clock_timestamp()) * 1000)::bigint || E'\\ninterjection ' ||"
            " jsonb_build_object('text', %(t)s::text) ELSE '' END) FROM h",
            {"n": count, "s": session, "t": TEXT},
        )


async def caught_up(listeners: list[Listener], head: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(listener.last >= head for listener in listeners):
            return True
        await asyncio.sleep(0.01)
    return False


async def close(listeners: list[Listener]) -> None:
    for listener in listeners:
        listener.transport.abort()
    await asyncio.sleep(0.5)


async def warm(peer: Contestant) -> dict[str, Any]:
    """What happens once, and what an event costs with a single client."""
    await asyncio.to_thread(peer.write, 5)
    await fan_out(peer, 20, 3)
    peer.memory = peer.process.memory_info().rss
    alone = await fan_out(peer, 1, 60)
    peer.alone = alone["cpu_ms_an_event"] / 1000
    return alone


async def fan_out(peer: Contestant, clients: int, events: int) -> dict[str, Any]:
    head = peer.head()
    listeners = await peer.connect(clients, head - 1)
    assert await caught_up(listeners, head, 60), f"{peer.name}: {sum(li.last < head for li in listeners)} got nothing"
    await asyncio.sleep(1)
    memory = (peer.process.memory_info().rss - peer.memory) / clients
    threads, backends = peer.process.num_threads(), peer.backends()
    delays: list[float] = []
    events = max(events, DELIVERIES // max(clients, 80))
    cpu = peer.cpu()
    for _ in range(events):
        begun, head = time.time(), head + 1
        await asyncio.to_thread(peer.write)
        assert await caught_up(listeners, head, 30)
        delays += [listener.at - begun for listener in listeners]
        await asyncio.sleep(0.05)
    cpu = (peer.cpu() - cpu) / events
    await close(listeners)
    return {
        "clients": clients,
        "cpu_ms_an_event": round(1000 * cpu, 2),
        "cpu_us_a_delivery": round(1e6 * (cpu - peer.alone) / max(clients - 1, 1), 1),
        "p50_ms": round(1000 * median(delays), 1),
        "p99_ms": round(1000 * quantiles(delays, n=100)[98], 1),
        "memory_kib_a_client": round(memory / 1024, 1),
        "threads": threads,
        "database_connections": backends,
    }


async def replay(peer: Contestant, events: int) -> tuple[float, float]:
    """Events a second, and seconds of processor time an event, of one client that is ``events`` behind."""
    head, cpu, begin = peer.head(), peer.cpu(), time.time()
    listeners = await peer.connect(1, head - events)
    assert await caught_up(listeners, head, 120)
    rate, cpu = events / (listeners[0].at - begin), (peer.cpu() - cpu) / events
    for listener in listeners:
        listener.transport.abort()
    await asyncio.sleep(0.05)
    return rate, cpu


async def storm(peer: Contestant, clients: int) -> dict[str, Any]:
    head, cpu, begin = peer.head(), peer.cpu(), time.time()
    listeners = await peer.connect(clients, head - 50)
    complete = await caught_up(listeners, head, 60)
    took = max(listener.at for listener in listeners) - begin
    refused = sum(listener.status != 200 for listener in listeners)
    await close(listeners)
    return {
        "clients": clients,
        "seconds": round(took, 3),
        "cpu_ms_a_client": round(1000 * (peer.cpu() - cpu) / clients, 2),
        "refused": refused,
        "complete": complete,
    }


async def contest(peers: list[Contestant], options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {peer.name: {"fan_out": [], "storm": [], "replay": {}} for peer in peers}
    for peer in peers:
        found[peer.name]["alone"] = await warm(peer)
    for clients in options.clients:
        for peer in peers:
            if peer.name != "stock" or clients <= STOCK_CLIENTS:
                found[peer.name]["fan_out"].append(await fan_out(peer, clients, options.events))
                print(peer.name, json.dumps(found[peer.name]["fan_out"][-1]), flush=True)
    for peer in peers:
        await asyncio.to_thread(peer.write, 10_000)
    peers[0].site.query("ANALYZE")  # as autovacuum does within a minute
    for events in (1000, 10_000):
        runs: dict[str, list[tuple[float, float]]] = {peer.name: [] for peer in peers}
        for _ in range(ROUNDS):
            for peer in peers:
                runs[peer.name].append(await replay(peer, events))
        for name, turns in runs.items():
            rate, cpu = median(rate for rate, _ in turns), mean(cpu for _, cpu in turns)
            found[name]["replay"][events] = {"events_a_second": round(rate), "cpu_us_an_event": round(1e6 * cpu, 2)}
            print(name, events, json.dumps(found[name]["replay"][events]), flush=True)
    for clients in (STOCK_CLIENTS, 1000):
        for peer in peers:
            if peer.name != "stock" or clients <= STOCK_CLIENTS:
                found[peer.name]["storm"].append(await storm(peer, clients))
                print(peer.name, json.dumps(found[peer.name]["storm"][-1]), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[STOCK_CLIENTS, 500, 2000])
    parser.add_argument("--events", type=int, default=20)
    parser.add_argument("--only", nargs="+", default=["bare", "ours", "stock"])
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with database() as url, tempfile.TemporaryDirectory() as directory:
        site = Site(url, Path(directory), {"DATABASE_URL": url, "BO1_DATA": directory})
        peers: list[Contestant] = []
        try:
            headers = site.add_reader()
            peers = [Contestant(name, site, headers) for name in options.only]
            found = asyncio.run(contest(peers, options))
        except BaseException:
            for peer in peers:
                print(site.log(peer.name)[-3000:])
            raise
        finally:
            site.stop()
    print(table(found))
    if options.write:
        machine = f"{os.cpu_count()} CPUs, Python {platform.python_version()}"
        options.write.write_text(json.dumps({"machine": machine, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
