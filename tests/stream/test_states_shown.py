"""The state of the connection in words, on the room's page in a real Chromium (SS5).

With ``SCREENSHOTS`` set to a folder each state is drawn there.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.stream.test_browser import Front, browser, cut, front, page, web  # noqa: F401
from tests.stream.web import Web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Room:
    def __init__(self, page: Page, web: Web, session: Any) -> None:  # noqa: F811
        self.page, self.web, self.session = page, web, session

    def open(self) -> None:
        self.page.goto(f"{self.web.url}/sessions/{self.session.pk}/")

    def says(self, words: str, name: str) -> None:
        place = self.page.locator("#connection")
        expect(place).to_contain_text(words, timeout=30_000)
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            self.page.screenshot(
                path=Path(folder) / f"state-{name}.png", clip={"x": 0, "y": 0, "width": 1280, "height": 420}
            )


@pytest.fixture
def room(page: Page, web: Web, user: Any) -> Room:  # noqa: F811
    return Room(page, web, factories.running(user))


def test_live_then_waiting_with_seconds_then_live_again(room: Room, front: Front, write: Any) -> None:  # noqa: F811
    room.open()
    room.says("live", "live")
    front.answers = [(429, {"Retry-After": "4"})]
    cut(room.web)
    room.says("reconnecting in", "waiting")
    room.says("reconnecting in 4 s", "refused")
    write(room.session, 3)
    room.says("live", "live-again")


def test_connecting_is_said_while_nothing_answers(room: Room, front: Front) -> None:  # noqa: F811
    front.swallow = True
    room.page.clock.install()
    room.open()
    room.says("connecting", "connecting")
    place = room.page.locator("#connection")
    for _ in range(30):  # seconds of the page's clock, with what the network answers between them
        if "looking every few seconds" in place.inner_text():
            break
        room.page.clock.run_for(1000)
    room.says("looking every few seconds", "polling")


def test_offline_is_said_with_its_reason(room: Room) -> None:
    room.open()
    room.says("live", "live")
    room.page.context.set_offline(True)
    room.says("offline – this device has no network", "offline")
    room.page.context.set_offline(False)
    room.says("live", "online-again")


def test_the_end_is_said(room: Room, set_status: Any) -> None:
    room.open()
    room.says("live", "live")
    set_status(room.session, "killed")
    room.says("ended, nothing more to come", "ended")


def test_a_lost_right_is_said(room: Room, user: Any) -> None:
    room.open()
    room.says("live", "live")
    user.is_active = False
    user.save()
    room.says("signed out", "signed-out")


def test_what_was_missed_is_counted_while_it_is_caught_up_with(room: Room, write: Any) -> None:
    room.open()
    room.says("live", "live")
    seen: list[str] = []
    room.page.expose_function("noted", lambda words: seen.append(words))
    room.page.evaluate(
        "new MutationObserver(() => noted(document.getElementById('connection').textContent))"
        ".observe(document.getElementById('connection'), {childList: true, characterData: true, subtree: true})"
    )
    cut(room.web)
    room.says("reconnecting", "lost")
    write(room.session, 12)
    room.says("live", "caught-up")
    assert any("catching up (12 missed)" in words for words in seen), seen


def test_the_room_goes_on_where_the_server_drew_it(room: Room, front: Front, write: Any) -> None:  # noqa: F811
    """SS1: without asking for what it shows already, thus without a flash."""
    head = write(room.session, 3)
    room.open()
    remarks = room.page.locator(".aside.remark")
    expect(remarks).to_have_count(3)
    drawn = remarks.first.element_handle()
    room.says("live", "live")
    assert f"lastEventId={head}" in front.asked[0].split("&")
    write(room.session)
    expect(remarks).to_have_count(4, timeout=30_000)
    assert drawn.evaluate("(node) => node.isConnected"), "what was there was drawn again"


def test_the_end_of_a_stream_is_no_end_of_the_room(room: Room, write: Any) -> None:
    """A hand-over after a full life: the page comes back by itself."""
    room.open()
    room.says("live", "live")
    for subscription in list(room.web.hub.subscriptions):
        room.web.loop.call_soon_threadsafe(subscription.end, "lifetime")
    write(room.session)
    room.says("live", "handed-over")
    expect(room.page.locator(".aside.remark")).to_have_count(1, timeout=30_000)
