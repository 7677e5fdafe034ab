"""The operations page over its web socket (MO1): who may look, what comes, and when."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from sessions import events
from sessions.admin import live, operations_page
from sessions.stream import process

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PATIENCE = 20.0


@asynccontextmanager
async def socket(client: Client | None, *, origin: str = "http://testserver") -> AsyncIterator[Any]:
    """The browser's end; on leaving it is closed, and so is the hub that it woke."""
    headers = [(b"origin", origin.encode()), (b"host", b"testserver")]
    if client is not None:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={client.cookies['sessionid'].value}".encode()))
    scope = {"type": "websocket", "path": live.PATH, "headers": headers, "query_string": b"", "subprotocols": []}
    end: Any = ApplicationCommunicator(live.application(), scope)
    try:
        yield end
    finally:
        with suppress(Exception):
            await end.send_input({"type": "websocket.disconnect", "code": 1000})
            await end.wait(PATIENCE)
        await process.current().close()


async def connect(end: Any) -> bool:
    await end.send_input({"type": "websocket.connect"})
    return bool((await end.receive_output(PATIENCE))["type"] == "websocket.accept")


async def shown(end: Any, words: str) -> str:
    """The first fragment that says ``words``."""
    async with asyncio.timeout(PATIENCE):
        while True:
            html: str = (await end.receive_output(PATIENCE)).get("text", "")
            if words in html:
                return html


async def test_staff_get_the_figures_at_once_and_again_when_a_session_moves(
    site: Client, make_session: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heard of through the hub: the drawing that comes by itself would come a minute later."""
    monkeypatch.setattr(live, "QUIET", 60.0)
    async with socket(site) as page:
        assert await connect(page)
        await shown(page, "Sessions by status")
        hub = process.current()
        async with asyncio.timeout(PATIENCE):
            while not hub.listening:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        session = await sync_to_async(make_session)()
        await sync_to_async(events.append)(session.pk, [events.Draft("interjection", {"text": "hello"})])
        draft = '<a href="/admin/board/session/?status__exact=created">Draft</a></th><td class="number">1</td>'
        await shown(page, draft)


async def test_while_postgresql_is_away_the_page_says_so(site: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise OperationalError("refused")

    monkeypatch.setattr(live, "QUIET", 0.1)
    async with socket(site) as page:
        assert await connect(page)
        await shown(page, "Nothing. Everything")
        monkeypatch.setattr(operations_page.figures, "read", away)
        await shown(page, "PostgreSQL does not answer")


@pytest.mark.parametrize("who", ["nobody", "a member without the right"])
async def test_others_are_refused(who: str, member: Callable[..., Client]) -> None:
    client = None if who == "nobody" else await sync_to_async(member)("view_event")
    async with socket(client) as page:
        assert not await connect(page)


async def test_a_page_of_another_site_cannot_listen(site: Client) -> None:
    async with socket(site, origin="https://evil.example") as page:
        assert not await connect(page)


async def test_whoever_signs_out_hears_no_more(site: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STREAM_RECHECK_SECONDS = 0.1
    monkeypatch.setattr(live, "QUIET", 0.2)
    async with socket(site) as page:
        assert await connect(page)
        await shown(page, "Sessions by status")
        await sync_to_async(site.logout)()
        async with asyncio.timeout(PATIENCE):
            while (message := await page.receive_output(PATIENCE))["type"] != "websocket.close":
                pass
        assert message["code"] == live.FORBIDDEN


async def test_nothing_is_drawn_while_nobody_looks(site: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    draw = operations_page.fragment
    monkeypatch.setattr(operations_page, "fragment", lambda: drawn.append(1) or draw())
    monkeypatch.setattr(live, "QUIET", 0.1)
    async with socket(site) as page:
        assert await connect(page)
        await shown(page, "Sessions by status")
    task = live.pulse()._task
    assert task is not None
    await asyncio.wait_for(task, PATIENCE)
    assert len(drawn) >= 1
    assert live.pulse().watchers == 0
