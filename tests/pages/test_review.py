"""The page on which an owner says yes to the frame and the board, without JavaScript."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sessions.models import Event, Session, Status
from sessions.transitions import transition
from tests.graph.test_review import REVIEW


@pytest.fixture
def waiting(make_session: Any) -> Session:
    session: Session = make_session()
    Session.objects.filter(pk=session.pk).update(status="running")
    transition(session.pk, Status.WAITING, data={"questions": [], "interrupt_id": "i1", "review": REVIEW})
    return session


def form(**changes: Any) -> dict[str, Any]:
    """What the browser sends when nothing was touched, and ``changes``."""
    sent: dict[str, Any] = {
        "review": "i1",
        "question": REVIEW["question"],
        "options": "\r\n".join(REVIEW["options"]),
        "criteria": "\r\n".join(REVIEW["criteria"]),
        "max_rounds": "4",
        "cost_cap": "",
        "part": ["0", "1", "2"],
    }
    for part in REVIEW["parts"]:
        n = part["position"]
        sent |= {f"keep-{n}": "1", f"title-{n}": part["title"], f"question-{n}": part["question"], f"pick-{n}": ""}
    return sent | changes


def test_the_page_shows_frame_parts_and_experts_with_reasons(browser: Client, waiting: Session) -> None:
    page = unescape(browser.get(reverse("board:session", args=[waiting.pk])).content.decode())
    for text in (
        "This is how the board understands it",
        "Should the team move?",
        "Move to Lisbon",
        "Needed.",
        "Part 3",
    ):
        assert text in page
    assert "It waits for part 1." in page
    assert page.count("Somebody else instead") == 9
    assert '<option value="red-team">' in page


def test_an_untouched_form_says_yes_and_nothing_else(browser: Client, waiting: Session) -> None:
    answer = browser.post(reverse("board:review", args=[waiting.pk]), form(), follow=True)
    assert "The board begins." in answer.content.decode()
    assert Event.objects.get(session=waiting, type="frame_reviewed").data["changes"] == {}


def test_what_is_changed_in_the_form_reaches_the_board(browser: Client, waiting: Session) -> None:
    sent = form(**{"question": "Should all move?", "max_rounds": "2", "veto-0": ["pre-mortem"], "pick-1": "red-team"})
    del sent["keep-2"]
    browser.post(reverse("board:review", args=[waiting.pk]), sent)
    assert Event.objects.get(session=waiting, type="frame_reviewed").data["changes"] == {
        "question": "Should all move?",
        "max_rounds": 2,
        "drop": [2],
        "veto": {"0": ["pre-mortem"]},
        "pick": {"1": ["red-team"]},
    }


def test_a_refused_form_keeps_what_was_typed_and_says_why(browser: Client, waiting: Session) -> None:
    sent = form(**{"options": "Only one", "title-1": "My title", "veto-0": ["pre-mortem"], "max_rounds": "many"})
    answer = browser.post(reverse("board:review", args=[waiting.pk]), sent)
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert "Give the number of rounds in digits." in page
    for kept in ('value="My title"', 'value="pre-mortem" checked', ">Only one</textarea>", 'value="many"'):
        assert kept in page
    waiting.refresh_from_db()
    assert waiting.status == "waiting"


def test_a_new_decision_may_ask_to_be_shown_its_frame(browser: Client) -> None:
    page = browser.get(reverse("board:new")).content.decode()
    assert "before the debate begins" in page
    key = page.split('name="key" value="')[1].split('"')[0]
    browser.post(
        reverse("board:new"),
        {"key": key, "problem_statement": "Shall we move the support team to Lisbon by May?", "review_frame": "on"},
    )
    assert Session.objects.get().review_frame
