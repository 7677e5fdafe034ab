"""Redis is a fast path: in every way that it can fail, the board goes on, says so, and comes back (RD1, RD2, RD4)."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from channels_redis.core import RedisChannelLayer

from bo1site.resilience import redis
from bo1site.resilience.breaker import Phase
from bo1site.resilience.redis import Link, State, Unavailable
from bo1site.supervisor import die_with_parent, free_port
from sessions import event_latency
from tests.live import database, manage, wait_until
from tests.stream.processes import Redis


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def fail(link: Link) -> None:
    with suppress(Unavailable):
        async with link.use():
            raise ConnectionError("refused")


async def test_pauses_double_from_one_second_to_thirty_with_jitter() -> None:
    clock = Clock()
    link = Link(configured=True, clock=clock)
    pauses = []
    for _ in range(8):
        clock.now += link.pause()
        link.failed(ConnectionError("refused"))
        pauses.append(link.pause())
    for found, wanted in zip(pauses[:4], [1, 2, 4, 8], strict=True):
        assert 0.8 * wanted <= found <= wanted
    assert all(24 <= found < 30.01 for found in pauses[4:])  # by now the breaker is open as well


async def test_while_it_pauses_nobody_touches_redis() -> None:
    link = Link(configured=True, clock=Clock())
    await fail(link)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        async with link.use():
            raise AssertionError("must not be reached")
    assert time.monotonic() - began < 0.1


async def test_five_failures_open_the_breaker_and_one_probe_closes_it() -> None:
    clock = Clock()
    link = Link(configured=True, clock=clock)
    for _ in range(5):
        clock.now += link.pause()
        await fail(link)
    assert link.gate.state.phase is Phase.OPEN
    clock.now += 31
    async with link.use():
        with pytest.raises(Unavailable):
            async with link.use():
                pass
    assert (link.gate.state.phase, link.state) == (Phase.CLOSED, State.UP)


def test_without_a_redis_the_state_says_so() -> None:
    assert Link(configured=False).shown()["state"] == "not configured"


def test_the_alarm_rings_only_when_redis_is_down_and_events_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """RD4"""
    link = Link(configured=True)
    monkeypatch.setattr(redis, "_link", link)
    event_latency._recent.clear()

    def alarm() -> float:
        return float(event_latency.BOTH._value.get())

    event_latency.note(0.01)
    assert alarm() == 0
    link.failed(ConnectionError("refused"))
    event_latency.note(0.01)
    assert alarm() == 0
    event_latency.note(0.9)
    assert alarm() == 1
    link.succeeded()
    event_latency.note(0.01)
    assert alarm() == 0
    event_latency._recent.clear()


class Server(Redis):
    """A redis-server with options."""

    def start_with(self, *options: str) -> None:
        base = ["--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        self.process = subprocess.Popen(
            [self._binary, *base, *options], stdout=subprocess.DEVNULL, preexec_fn=die_with_parent
        )
        wait_until(self.accepts, seconds=10, what="redis-server to accept")

    def accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path)
    yield found
    if found.process is not None and found.process.poll() is None:
        found.kill()


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that accepts and never answers."""
    port = free_port(0)
    with socket.create_server(("127.0.0.1", port), backlog=50):
        yield port


async def ring(link: Link, url: str) -> None:
    """What the doorbell does with every event."""
    layer: Any = RedisChannelLayer(hosts=[url])
    try:
        async with link.use(), asyncio.timeout(redis.PATIENCE):
            await layer.group_add("g", await layer.new_channel())
            await layer.group_send("g", {"type": "x"})
    finally:
        with suppress(Exception):
            async with asyncio.timeout(1):
                await layer.close_pools()


async def refused(link: Link, url: str) -> str:
    with pytest.raises(Unavailable):
        await ring(link, url)
    return link.reason


@pytest.mark.slow
async def test_down_at_boot_it_is_used_as_soon_as_it_is_up(server: Server) -> None:
    link = Link(configured=True)
    assert "Connect" in await refused(link, server.url)
    assert link.state is State.DOWN
    await asyncio.to_thread(server.start_with)
    await asyncio.sleep(link.pause())
    await ring(link, server.url)
    assert link.state is State.UP


@pytest.mark.slow
async def test_killed_and_restarted_it_is_used_again(server: Server) -> None:
    link = Link(configured=True)
    await asyncio.to_thread(server.start_with)
    await ring(link, server.url)
    server.kill()
    await refused(link, server.url)
    await asyncio.to_thread(server.start_with)
    await asyncio.sleep(link.pause())
    await ring(link, server.url)
    assert link.state is State.UP


@pytest.mark.slow
async def test_a_black_hole_costs_its_patience_once_and_never_holds_the_loop(black_hole: int) -> None:
    link = Link(configured=True)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.02)
            ticks += 1

    ticking = asyncio.create_task(tick())
    began = time.monotonic()
    assert "Timeout" in await refused(link, f"redis://127.0.0.1:{black_hole}/0")
    assert time.monotonic() - began < redis.PATIENCE + 2
    assert ticks > 20
    began = time.monotonic()
    await refused(link, f"redis://127.0.0.1:{black_hole}/0")
    assert time.monotonic() - began < 0.5
    ticking.cancel()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--requirepass", "secret"), "uth"),
        (("--replicaof", "127.0.0.1", "1"), "Read"),
        (("--maxmemory", "1", "--maxmemory-policy", "noeviction"), "emory"),
    ],
    ids=["wrong password", "read-only replica", "full"],
)
async def test_a_redis_that_answers_but_does_not_serve_counts_as_down(
    server: Server, options: tuple[str, ...], reason: str
) -> None:
    await asyncio.to_thread(server.start_with, *options)
    link = Link(configured=True)
    assert reason in await refused(link, server.url)
    assert link.state is State.DOWN


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_requests_take_no_longer_while_redis_is_a_black_hole(
    client: Any, user: Any, make_session: Callable[..., Any], settings: Any, black_hole: int, monkeypatch: Any
) -> None:
    """RD2: events are written and the page is served within 1.2 times of what a healthy Redis would cost (+20 ms)."""
    from sessions import events

    session = make_session()
    client.force_login(user)

    def quickest() -> float:
        """Of ten: what others do on this machine meanwhile only ever adds to it."""
        taken = []
        for number in range(10):
            began = time.perf_counter()
            events.append(session.pk, [events.Draft("interjection", {"text": f"{number} {time.time()}"})])
            client.get(f"/sessions/{session.pk}/")
            taken.append(time.perf_counter() - began)
        return min(taken)

    quickest()
    healthy = quickest()
    settings.REDIS_URL = f"redis://127.0.0.1:{black_hole}/0"
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [settings.REDIS_URL]}}
    }
    monkeypatch.setattr(redis, "_link", Link(configured=True))
    assert quickest() < healthy * 1.2 + 0.02


RINGS = """
from django.contrib.auth import get_user_model
from sessions.services.start import Decision, create
create(get_user_model().objects.create(username="ada"), Decision("Should we do this, or rather leave it as it is?"))
print("CREATED", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_a_command_that_has_rung_over_redis_ends_by_itself(server: Server, up: bool) -> None:
    """Whatever thread waits for the next ring must not be one that Python waits for at its end."""
    if up:
        server.start_with()
    with database() as url:
        done = manage("shell", "-c", RINGS, env={"DATABASE_URL": url, "REDIS_URL": server.url}, timeout=120)
    assert "CREATED" in done.stdout
