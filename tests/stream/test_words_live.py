"""Passing words on the whole product: provider, worker and web as processes of their own, with and without Redis."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.live import Board, board
from tests.stream.client import Message, get
from tests.stream.processes import Redis

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

PROBLEM = (
    "Should our 14-person support team move from Leeds to Lisbon by the end of June? The lease in Leeds runs until"
    " March, and half of the team has children at school."
)


@pytest.fixture(params=["NOTIFY", "Redis"])
def product(request: Any, tmp_path: Path) -> Iterator[Board]:
    """With Redis, web processes do not listen to NOTIFY at all: what comes has come over the channel layer."""
    redis = Redis(tmp_path)
    env = {}
    if request.param == "Redis":
        redis.start()
        env = {"REDIS_URL": redis.url}
    try:
        with board(tmp_path, latency="3", web=False, worker=False, **env) as running:
            running.start_web(STREAM_LISTEN="0" if env else "1", STREAM_POLL_DOWN_SECONDS="0.5")
            running.start_worker()
            yield running
    finally:
        if redis.process is not None:
            redis.kill()


def token(product: Board) -> dict[str, str]:
    product.add_user()
    script = (
        "from django.contrib.auth import get_user_model as m; from rest_framework.authtoken.models import Token;"
        "print(Token.objects.create(user=m().objects.get(username='ada')).key)"
    )
    key = product.manage("shell", "-v", "0", "-c", script).stdout.split()[-1]
    return {"Authorization": f"Token {key}"}


def bring(product: Board, headers: dict[str, str]) -> str:
    url, keyed = f"{product.url}/api/v1/sessions/", {**headers, "Idempotency-Key": uuid4().hex}
    answer = httpx.post(url, json={"problem_statement": PROBLEM, "max_rounds": 1}, headers=keyed, timeout=30)
    assert answer.status_code == 201, answer.text
    session = str(answer.json()["id"])
    httpx.post(f"{url}{session}/start", headers=headers, timeout=30).raise_for_status()
    return session


@asynccontextmanager
async def watching(product: Board, session: str, headers: dict[str, str], query: str) -> AsyncIterator[Any]:
    async with get(f"{product.url}/api/v1/sessions/{session}/stream?{query}", **headers) as stream:
        assert stream.status == 200
        yield stream


class Page:
    """Follows the rule in docs/streaming.md, and remembers every text that it showed."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}
        self.ever: dict[str, tuple[str, list[str]]] = {}

    def take(self, message: Message) -> None:
        assert message.id is None
        data = message.data
        if data.get("end"):
            self.now.pop(data["key"], None)
            return
        text = self.now[data["key"]] = self.now.get(data["key"], "")[: data["at"]] + data["text"]
        self.ever.setdefault(data["key"], (data["persona"], []))[1].append(text)


async def test_the_words_of_every_persona_are_seen_before_its_contribution_and_nowhere_kept(product: Board) -> None:
    headers = await asyncio.to_thread(token, product)
    session = await asyncio.to_thread(bring, product, headers)
    page, ids, claims, plain = Page(), list[int](), list[tuple[str, str]](), list[Message]()

    async def watch_plainly() -> None:
        async with watching(product, session, headers, "lastEventId=0&tab=plain") as stream:
            plain.extend(await stream.rest(240))

    other = asyncio.create_task(watch_plainly())
    async with watching(product, session, headers, "lastEventId=0&live=1") as stream, asyncio.timeout(240):
        async for message in stream.messages():
            if message.type == "speaking":
                page.take(message)
                continue
            assert message.id is not None
            ids.append(message.id)
            if message.type == "contribution":
                claims.append((message.data["persona"], message.data["claim"]))
    await other
    assert ids == list(range(1, len(ids) + 1))
    assert [m.id for m in plain] == ids  # who did not ask for words is told none, and both see the same events
    assert len(page.now) <= 1  # every voice was ended, or the stream was before the last one
    assert len(claims) >= 3
    texts = [(persona, shown) for persona, shown in page.ever.values()]
    for persona, claim in claims:
        [shown] = [shown for who, shown in texts if who == persona and shown[-1].split("\n")[0] == claim][:1]
        assert len(shown) >= 2  # it grew before one's eyes
    stored = json.dumps(product.query("SELECT type FROM board_event WHERE session_id = %s", session))
    assert "speaking" not in stored


async def test_nobody_s_words_are_sent_where_nobody_watches_and_a_killed_worker_s_voice_goes_away(
    product: Board,
) -> None:
    headers = await asyncio.to_thread(token, product)
    session = await asyncio.to_thread(bring, product, headers)
    async with watching(product, session, headers, "lastEventId=0&live=1") as stream, asyncio.timeout(240):
        key = None
        async for message in stream.messages():
            if message.type == "speaking" and not message.data.get("end"):
                key = message.data["key"]
                break
        for name in list(product.processes):
            if name == "worker":
                product.kill(name, signal.SIGKILL)
        async for message in stream.messages():
            if message.type == "speaking" and message.data.get("end") and message.data["key"] == key:
                break
        else:
            raise AssertionError("the voice was never taken away")
