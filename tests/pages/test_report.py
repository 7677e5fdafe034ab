import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sessions import export
from sessions.models import Contribution, Memo, Recommendation, Session
from tests import factories


def report_of(browser: Client, session: Session) -> str:
    return unescape(browser.get(reverse("board:report", args=[session.pk])).content.decode())


def test_the_memo_holds_everything_on_one_page(browser: Client, user: Any) -> None:
    page = report_of(browser, factories.finished(user))
    for words in (
        "Counter by Friday with 350 pieces",
        "76% sure.",
        "Three of four agree",
        "The strongest dissent",
        "Even a small yes starts a habit of baking for somebody else's clock.",
        "Payment within 21 days is in the contract",
        "Two payments in a row later than 30 days",
        "The options side by side",
        "Teaches the true margin",
        "Ask the head baker about 350 pieces",
        "Her yes or no is on paper.",
    ):
        assert words in page


def test_every_voice_of_the_memo_leads_to_where_it_spoke(browser: Client, user: Any) -> None:
    session = factories.finished(user)
    page = report_of(browser, session)
    room = browser.get(reverse("board:session", args=[session.pk])).content.decode()
    anchors = re.findall(rf"/sessions/{session.pk}/#([cv]-\d+)", page)
    assert len(anchors) == 5
    assert all(f'id="{anchor}"' in room for anchor in anchors)


def test_the_dissent_leads_to_the_text_that_holds_its_quote(browser: Client, user: Any) -> None:
    session = factories.finished(user)
    session.memos.update(
        dissent={"persona": "The Coroner", "position": "No.", "quote": "Both exits are in other people's hands"}
    )
    said = Contribution.objects.get(session=session, persona="pre-mortem", round=1)
    assert f'#c-{said.pk}">Read it in the debate' in report_of(browser, session)


def test_a_report_before_its_time_says_so(browser: Client, user: Any) -> None:
    assert "The board is still at work" in report_of(browser, factories.running(user))
    assert "ended without a memo" in report_of(browser, factories.failed(user))


@pytest.mark.parametrize("state", ["draft", "running", "failed", "finished"])
def test_every_state_can_be_exported(browser: Client, user: Any, state: str) -> None:
    session = getattr(factories, state)(user)
    for kind, content_type in (("md", "text/markdown; charset=utf-8"), ("json", "application/json")):
        answer = browser.get(reverse("board:export", kwargs={"pk": session.pk, "kind": kind}))
        assert answer.headers["Content-Type"] == content_type
        assert re.search(rf'filename="\d{{4}}-\d\d-\d\d-[a-z0-9-]+\.{kind}"', answer.headers["Content-Disposition"])


def test_the_json_export_holds_the_whole_session(browser: Client, user: Any) -> None:
    session = factories.finished(user)
    data = json.loads(browser.get(f"/sessions/{session.pk}/export.json").content)
    assert data["format"] == "board-of-one/session/1"
    assert [len(part["contributions"]) for part in data["parts"][0]["rounds"]] == [4, 4]
    assert data["memo"]["dissent"]["persona"] == "The Craft Keeper"
    assert data["cost"] == {
        "currency": "USD",
        "known": "0.40470000",
        "calls": 21,
        "calls_of_unknown_cost": 0,
        "cap": "2.5000",
    }
    assert len(data["actions"]) == 4


def test_hostile_text_stays_text_in_markdown(user: Any) -> None:
    session = factories.finished(user)
    evil = "# Heading\n<script>alert(1)</script> [click](javascript:alert(1)) `code` *bold* | cell"
    session.contributions.update(claim=evil, reasons=[evil], response="- [ ] task\n1. one")
    Session.objects.filter(pk=session.pk).update(title=evil[:160], problem_statement=evil)
    text = export.markdown(Session.objects.get(pk=session.pk))
    assert not re.search(r"(?<!\\)<script", text)
    assert not re.search(r"(?<!\\)\[click", text)
    assert not re.search(r"^#\s*Heading", text, re.M)
    assert r"\# Heading" in text


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("plain words, 3.5 and a-b", "plain words, 3.5 and a-b"),
        ("1. first", r"1\. first"),
        ("- item", r"\- item"),
        ("> quote", r"\> quote"),
        ("two\nlines", "two lines"),
        ("a_b*c", r"a\_b\*c"),
    ],
)
def test_markdown_is_escaped_only_where_it_would_do_something(given: str, written: str) -> None:
    assert export.text(given) == written


def test_a_failed_session_exports_its_failure_without_what_is_for_staff(user: Any) -> None:
    session = factories.failed(user)
    Session.objects.filter(pk=session.pk).update(failure={**(session.failure or {}), "detail": "secret"})
    session.refresh_from_db()
    data = export.as_json(session)
    assert data["failure"]["code"] == "provider_unreachable"
    assert "secret" not in json.dumps(data)


def test_each_statement_leads_to_what_it_rests_on(browser: Client, user: Any) -> None:
    session = factories.finished(user)
    vote = Recommendation.objects.filter(session=session).first()
    assert vote is not None
    source = {"field": "rationale", "index": 0, "text": "The rents decided.", "keys": [vote.key, "gone"], "by": "board"}
    Memo.objects.filter(session=session).update(sources=[source], consistency=["Both parts speak for one option."])
    page = browser.get(reverse("board:report", args=[session.pk])).content.decode()
    assert "The rents decided." in page
    assert f'#v-{vote.pk}">{vote.name}</a>' in page
    assert "Both parts speak for one option." in page
