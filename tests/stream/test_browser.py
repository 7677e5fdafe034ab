"""stream.js in a real Chromium, against the real server (SS5, SS7)."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import transaction
from django.test import override_settings
from playwright.sync_api import Page, sync_playwright

from sessions import event_types, events
from sessions.models import Session
from sessions.stream.server import StreamServer
from tests.conftest import chromium
from tests.live import ROOT, wait_until
from tests.stream.test_examples import example
from tests.stream.web import Web, serving

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCRIPT = ROOT / "sessions" / "static" / "board" / "stream.js"
PAGE = b"""<!doctype html><meta charset="utf-8"><title>Stream</title><link rel="icon" href="data:,">
<script type="module">
  import { openStream, Parser } from "/stream.js";
  window.ids = []; window.states = []; window.gaps = []; window.live = [];
  window.Parser = Parser;
  window.follow = (url, options = {}) => {
    window.stream = openStream(url, {
      onEvent: (event) => window.ids.push(event.id),
      onGap: (gap) => window.gaps.push(gap),
      onLive: (news) => window.live.push(news),
      onState: (state) => window.states.push(state),
      ...options,
    });
  };
  window.ready = true;
</script><p>Stream</p>"""


class Front:
    """The product behind a front that can be told to answer in its place, and that serves the test page."""

    def __init__(self) -> None:
        from bo1site.asgi import application

        self.product = application
        self.answers: list[tuple[int, dict[str, str]]] = []  # for the next streams
        self.swallow = False  # take the request for a stream and never say a word
        self.asked: list[str] = []
        self.example = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path in ("/page", "/example"):
            await self._answer(send, 200, {"content-type": "text/html"}, PAGE if path == "/page" else self.example)
        elif path.endswith("/stream.js"):
            await self._answer(send, 200, {"content-type": "text/javascript"}, SCRIPT.read_bytes())
        elif path.endswith("/stream"):
            self.asked.append(scope["query_string"].decode())
            if self.swallow:
                while (await receive())["type"] != "http.disconnect":
                    pass
            elif self.answers:
                await self._answer(send, *self.answers.pop(0))
            else:
                await self.product(scope, receive, send)
        else:
            await self.product(scope, receive, send)

    async def _answer(self, send: Any, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def front() -> Front:
    return Front()


@pytest.fixture
def web(db: None, front: Front) -> Iterator[Web]:
    with serving(front) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # playwright runs a loop in this thread
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ]  # fmt: skip
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=options)
        yield running
        running.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Any, web: Web, login: Callable[..., dict[str, str]], user: Any) -> Iterator[Page]:
    context = browser.new_context()
    context.add_cookies([{"name": "sessionid", "value": login(user)["Cookie"].split("=")[1], "url": web.url}])
    page = context.new_page()
    page.goto(f"{web.url}/page")
    page.wait_for_function("window.ready")
    yield page
    context.close()


def follow(page: Page, session: Session, **options: Any) -> None:
    page.evaluate("([url, options]) => follow(url, options)", [f"/api/v1/sessions/{session.pk}/stream", options])


def until_ids(page: Page, *ids: int) -> None:
    page.wait_for_function("(wanted) => ids.length >= wanted", arg=len(ids), timeout=20_000)
    assert page.evaluate("ids") == list(ids)


def until_state(page: Page, state: str) -> dict[str, Any]:
    page.wait_for_function("(wanted) => states.at(-1)?.state === wanted", arg=state, timeout=20_000)
    return page.evaluate("states.at(-1)")


def cut(web: Web) -> None:
    """The network drops every open stream."""
    wait_until(lambda: web.hub.subscriptions, seconds=5)
    for subscription in list(web.hub.subscriptions):
        web.loop.call_soon_threadsafe(subscription.abort)


def test_the_page_gets_what_it_lacks_and_then_what_happens(page: Page, make_session: Any, write: Any) -> None:
    session = make_session()
    write(session, 4)
    follow(page, session, lastId=2)
    until_ids(page, 3, 4, 5)
    assert until_state(page, "live")["lastId"] in (2, 5)
    write(session, 2)
    until_ids(page, 3, 4, 5, 6, 7)
    assert page.evaluate("states.map((s) => s.state)") == ["connecting", "live"]


def test_a_dropped_connection_is_resumed_after_the_last_id(
    page: Page, front: Front, web: Web, make_session: Any, write: Any
) -> None:
    session = make_session()
    follow(page, session)
    until_ids(page, 1)
    until_state(page, "live")
    cut(web)
    assert until_state(page, "waiting")["seconds"] > 0
    write(session, 2)
    page.evaluate("stream.retryNow()")
    until_ids(page, 1, 2, 3)
    assert "lastEventId=1" in front.asked[-1]


def test_the_terminal_event_ends_it_without_another_request(
    page: Page, front: Front, make_session: Any, set_status: Any
) -> None:
    session = make_session()
    follow(page, session)
    until_ids(page, 1)
    set_status(session, "completed")
    until_ids(page, 1, 2)
    assert until_state(page, "ended")["lastId"] == 2
    assert len(front.asked) == 1


def test_a_failure_that_was_retried_is_not_the_end(page: Page, make_session: Any, set_status: Any, write: Any) -> None:
    session = make_session()
    set_status(session, "failed")
    set_status(session, "queued", data={"reason": "retried"})
    follow(page, session)
    until_ids(page, 1, 2, 3)
    write(session)
    until_ids(page, 1, 2, 3, 4)
    assert page.evaluate("states.at(-1).state") == "live"


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_is_waited_out_and_nudging_does_not_shorten_it(
    page: Page, front: Front, make_session: Any, status: int
) -> None:
    """SS5: a plain EventSource would give up for good."""
    front.answers = [(status, {"Retry-After": "2"})]
    follow(page, make_session())
    waiting = until_state(page, "waiting")
    assert waiting["status"] == status
    assert waiting["seconds"] >= 2
    asked = len(front.asked)
    page.evaluate("stream.retryNow()")
    page.wait_for_function("states.at(-1).seconds === 1")
    assert len(front.asked) == asked
    until_ids(page, 1)
    until_state(page, "live")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_final_refusal_stops_it_and_says_why(page: Page, front: Front, make_session: Any, status: int) -> None:
    front.answers = [(status, {})]
    follow(page, make_session())
    assert until_state(page, "stopped")["status"] == status
    assert len(front.asked) == 1


def test_a_lost_right_stops_it(page: Page, user: Any, make_session: Any) -> None:
    follow(page, make_session())
    until_ids(page, 1)
    user.is_active = False
    user.save()
    assert until_state(page, "stopped")["status"] == 403


def test_a_gap_is_told_and_the_stream_goes_on(page: Page, make_session: Any, write: Any) -> None:
    """SS3"""
    session = make_session()
    write(session, 5)
    session.events.filter(sequence__in=[2, 3]).delete()
    follow(page, session)
    until_ids(page, 1, 4, 5, 6)
    assert page.evaluate("gaps") == [{"expected": 2, "actual": 4, "missed": 2}]


def test_a_connection_that_died_in_its_sleep_is_replaced(
    page: Page, front: Front, web: Web, make_session: Any, write: Any
) -> None:
    """A laptop's sleep: the connection looks open and nothing comes, not even keepalives."""
    session = make_session()
    follow(page, session, silence=2000)
    until_ids(page, 1)
    for subscription in list(web.hub.subscriptions):
        web.hub.leave(subscription)  # it will never be woken again, like a peer beyond a dead link
    write(session)
    until_ids(page, 1, 2)
    assert len(front.asked) == 2


def test_offline_is_said_and_online_resumes_at_once(page: Page, make_session: Any, write: Any) -> None:
    session = make_session()
    follow(page, session)
    until_ids(page, 1)
    page.context.set_offline(True)
    until_state(page, "offline")
    write(session, 2)
    page.context.set_offline(False)
    until_ids(page, 1, 2, 3)
    until_state(page, "live")


def test_where_streaming_is_blocked_the_events_are_polled(
    page: Page, front: Front, make_session: Any, write: Any, set_status: Any
) -> None:
    pytest.importorskip("sessions.urls")
    session = make_session()
    front.swallow = True
    events_url = f"/api/v1/sessions/{session.pk}/events"
    follow(page, session, eventsUrl=events_url, firstByte=300, pollEvery=200)
    until_state(page, "polling")
    until_ids(page, 1)
    write(session, 2)
    until_ids(page, 1, 2, 3)
    set_status(session, "completed")
    until_ids(page, 1, 2, 3, 4)
    until_state(page, "ended")


def test_a_hidden_tab_gives_its_connection_back_and_returns(
    page: Page, web: Web, make_session: Any, write: Any
) -> None:
    """Browsers allow six connections for a host: forgotten tabs must not lock the seventh page out."""
    pytest.importorskip("sessions.urls")
    session = make_session()
    events_url = f"/api/v1/sessions/{session.pk}/events"
    follow(page, session, eventsUrl=events_url, restAfter=100, restEvery=60_000)
    until_ids(page, 1)
    hide = "(value) => { Object.defineProperty(document, 'hidden', {value, configurable: true});"
    page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", True)
    until_state(page, "resting")
    wait_until(lambda: not web.hub.subscriptions, seconds=5)
    write(session)
    page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", False)
    until_ids(page, 1, 2)
    until_state(page, "live")


def test_nothing_is_lost_or_repeated_over_many_cuts(page: Page, web: Web, make_session: Any, write: Any) -> None:
    session = make_session()
    follow(page, session)
    until_state(page, "live")
    head = 1
    for _ in range(3):
        cut(web)
        head = write(session, 5)
        page.wait_for_function("states.at(-1).state === 'waiting'")
        page.evaluate("stream.retryNow()")
        until_ids(page, *range(1, head + 1))
        until_state(page, "live")


def test_the_parser_takes_any_cut_and_any_line_end(page: Page) -> None:
    text = (
        ": c\\r\\nevent: a\\r\\ndata: 1\\r\\ndata: 2\\r\\nid: 7\\r\\n\\r\\n"
        "retry: 50\\ndata:x\\n\\nid: 9\\n\\ndata: é\\r\\r"
    )
    found = page.evaluate(
        f"""() => {{ const all = []; for (let cut = 0; cut <= "{text}".length; cut++) {{
          const got = []; const p = new Parser((f) => got.push(f), (n) => got.push(n));
          p.push("{text}".slice(0, cut)); p.push("{text}".slice(cut)); p.push("\\n"); all.push(JSON.stringify(got)); }}
          return [...new Set(all)]; }}"""
    )
    assert len(found) == 1
    assert '{"event":"a","data":"1\\n2","id":"7"},50,{"data":"x"}' in found[0]


def test_the_documented_example_shows_every_event(
    page: Page, front: Front, web: Web, make_session: Any, set_status: Any
) -> None:
    session = make_session()
    set_status(session, "completed")
    code = f"const session = '{session.pk}';\n" + example("javascript")
    front.example = f"<!doctype html><link rel='icon' href='data:,'><script type='module'>{code}</script>".encode()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{web.url}/example")
    wait_until(lambda: any(text.startswith("ended") for text in said) or page.wait_for_timeout(50), seconds=10)
    shown = [text.split()[:2] for text in said if text[0].isdigit()]
    assert shown == [
        ["1", "session_created"],
        ["2", "session_completed"],
    ]


def test_every_terminal_type_is_known_to_the_script() -> None:
    source = Path(SCRIPT).read_text()
    assert all(f'"{type_}"' in source for type_ in event_types.TERMINAL)


def test_events_reach_the_page_with_their_commit_and_not_with_a_poll(page: Page, make_session: Any) -> None:
    session = make_session()
    follow(page, session)
    until_state(page, "live")
    with transaction.atomic():
        events.append(session.pk, [events.Draft("interjection", {"text": "now"})])
    page.wait_for_function("ids.includes(2)", timeout=10_000)  # the poll comes after 15 s


@pytest.mark.parametrize("server", ["our way in for streams", "Django's middleware alone"])
def test_events_reach_the_page_with_gzip_middleware_on(
    page: Page, front: Front, make_session: Any, write: Any, server: str
) -> None:
    """GZipMiddleware would hold small events back until its buffer is full, in both ways to serve them."""
    with override_settings(MIDDLEWARE=["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]):
        django = get_asgi_application()
        front.product = StreamServer(django) if server.startswith("our") else django
        page.goto(page.url)
        page.wait_for_function("window.ready")
        encoding = "(url) => fetch(url).then((answer) => answer.headers.get('content-encoding'))"
        assert page.evaluate(encoding, "/login/") == "gzip"
        session = make_session()
        follow(page, session)
        until_ids(page, 1)
        until_state(page, "live")
        for head in (2, 3):
            write(session)
            page.wait_for_function("(head) => ids.at(-1) === head", arg=head, timeout=10_000)
        page.evaluate("stream.close()")
