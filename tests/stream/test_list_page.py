"""The list of decisions in a real Chromium: it follows its stream (SS1, SS5)."""

from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from sessions import events
from sessions.models import Session
from tests.stream.test_browser import Front, browser, cut, front, page, web  # noqa: F401
from tests.stream.web import Web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def rename(session: Session, title: str) -> None:
    with transaction.atomic():
        Session.objects.filter(pk=session.pk).update(title=title)
        events.append(session.pk, [events.Draft("interjection", {"text": "x"})])


def test_a_change_is_shown_without_a_reload(page: Page, web: Web, make_session: Any, user: Any) -> None:  # noqa: F811
    session = make_session(owner=user)
    page.goto(web.url + "/")
    row = page.locator(f"#row-{session.pk}")
    expect(row).to_contain_text(session.title)
    rename(session, "Move the mill in March")
    expect(row).to_contain_text("Move the mill in March", timeout=15_000)


def test_a_new_decision_appears_by_itself(page: Page, web: Web, make_session: Any, user: Any) -> None:  # noqa: F811
    page.goto(web.url + "/")
    session = make_session(owner=user)
    rename(session, "Buy the bakery")
    expect(page.locator(f"#row-{session.pk}")).to_contain_text("Buy the bakery", timeout=15_000)


def test_what_changed_while_the_connection_was_cut_is_shown_after_it(
    page: Page,  # noqa: F811
    web: Web,  # noqa: F811
    front: Front,  # noqa: F811
    make_session: Any,
    user: Any,
) -> None:
    session = make_session(owner=user)
    with page.expect_response(lambda response: "fragment=1" in response.url):  # the stream is open, the list is read
        page.goto(web.url + "/")
    expect(page.locator(f"#row-{session.pk}")).to_be_visible()
    front.answers = [(503, {"Retry-After": "2"})]
    cut(web)
    rename(session, "Sell the bakery")
    expect(page.locator(f"#row-{session.pk}")).to_contain_text("Sell the bakery", timeout=30_000)
    ids = [dict(part.split("=") for part in query.split("&"))["lastEventId"] for query in front.asked]
    assert len(ids) >= 3
    assert all(int(last) > 0 for last in ids[1:])
