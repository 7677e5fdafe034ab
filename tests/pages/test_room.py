import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from llm.models import LLMCall
from sessions import events
from sessions.models import Session
from tests import factories
from tests.bakery import PEOPLE, SAID


def page_of(browser: Client, session: Session, query: str = "") -> str:
    answer = browser.get(reverse("board:session", args=[session.pk]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("state", ["draft", "queued", "running", "waiting", "paused", "failed", "killed", "finished"])
def test_every_state_has_a_page_that_says_where_we_are(browser: Client, user: Any, state: str) -> None:
    session = getattr(factories, state)(user)
    page = page_of(browser, session)
    assert session.get_status_display() in page
    assert "<progress" in page
    assert "Connection" in page


def test_a_running_session_shows_board_rounds_and_who_is_thinking(browser: Client, user: Any) -> None:
    page = unescape(page_of(browser, factories.running(user)))
    for _, name, method, why in PEOPLE:
        assert name in page
        assert method in page
        assert why in page
    assert "Debating, round 2 of 4" in page
    assert "The Option Trader, The Craft Keeper are thinking" in page
    assert "Thinking, round 2" in page
    assert SAID[0][0][1] in page


def test_a_contribution_leads_with_its_claim_and_shows_who_changed_their_mind(browser: Client, user: Any) -> None:
    page = unescape(page_of(browser, factories.running(user)))
    card = page[page.index("I can no longer write") - 1200 :]
    assert card.index("until now for Decline, and invest") < card.index("I can no longer write")
    assert card.index("I can no longer write") < card.index("The trial fails cheaply")


def test_a_finished_session_leads_with_recommendation_dissent_and_actions(browser: Client, user: Any) -> None:
    page = unescape(page_of(browser, factories.finished(user)))
    answer = page.index("Counter by Friday with 350 pieces")
    dissent = page.index("Even a small yes starts a habit", answer)
    action = page.index("Ask the head baker about 350 pieces", dissent)
    assert action < page.index("The debate")
    assert "76% sure" in page


def test_the_plot_has_an_alternative_in_words_and_in_figures(browser: Client, user: Any) -> None:
    page = page_of(browser, factories.finished(user))
    words = "Agreement rose from 42% in round 1 to 77% in round 2; conflict fell from 58% in round 1 to 24% in round 2."
    assert f'role="img" aria-label="{words}"' in page
    assert "<td>77%</td>" in page
    assert "style=" not in page


def test_a_failure_is_told_in_plain_words_with_what_is_kept(browser: Client, user: Any) -> None:
    page = page_of(browser, factories.failed(user))
    assert "The language model cannot be reached" in page
    assert "Kept: your decision, round 1 and all 6 contributions." in page
    assert "US$0.23 spent so far stays spent" in page
    assert "provider_unreachable" in page


def test_a_failure_that_a_retry_cannot_help_offers_to_change_the_decision(browser: Client, user: Any) -> None:
    session = factories.failed(user, recoverable=False)
    page = page_of(browser, session)
    assert f"{reverse('board:new')}?from={session.pk}" in page
    assert "Continue from" not in page


def test_what_staff_only_may_know_of_a_failure_is_not_shown(browser: Client, user: Any) -> None:
    session = factories.failed(user)
    Session.objects.filter(pk=session.pk).update(
        failure={**(session.failure or {}), "detail": "Traceback: /srv/secret"}
    )
    assert "/srv/secret" not in page_of(browser, session)


def test_the_place_in_line_is_told(browser: Client, user: Any) -> None:
    factories.queued(user)
    factories.queued(user)
    last = factories.queued(user)
    Session.objects.filter(pk=last.pk).update(queued_at=last.created_at)
    assert "2 decisions are ahead of yours" in page_of(browser, last)


def test_a_draft_is_started_with_a_button_and_only_once(browser: Client, user: Any) -> None:
    session = factories.draft(user)
    place = reverse("board:start", args=[session.pk])
    assert place in page_of(browser, session)
    assert browser.get(place).status_code == 405
    browser.post(place)
    session.refresh_from_db()
    assert session.status == "queued"
    assert "so it cannot become" in browser.post(place, follow=True).content.decode()


def test_cost_that_nobody_knows_is_unknown_and_not_zero(browser: Client, user: Any) -> None:
    session = factories.running(user)
    LLMCall.objects.filter(session_id=session.pk).update(cost=None)
    facts = page_of(browser, session)
    assert '<span class="number">unknown</span>' in facts
    LLMCall.objects.create(session_id=session.pk, provider="p", model="m", tier="core", status="finished", cost="0.5")
    assert "US$0.50 + 11 calls of unknown cost" in page_of(browser, session)


def test_a_provider_outage_that_was_survived_is_a_footnote(browser: Client, user: Any) -> None:
    page = page_of(browser, factories.finished(user))
    assert "2 calls to a language model failed out of 21 and were made again; nothing was lost." in page
    assert "The board was interrupted once and went on from where it was." in page
    assert 'role="alert"' not in page


def test_offline_text_is_labelled_wherever_it_shows(browser: Client, user: Any) -> None:
    session = factories.finished(user, offline=True)
    page = page_of(browser, session)
    cards = re.findall(r"<article.*?</article>", page, re.S)
    assert len(cards) == 12
    assert all("offline demo" in card for card in cards)
    assert "not from a language model" in page
    assert "offline demo" in browser.get(reverse("board:report", args=[session.pk])).content.decode()
    assert "Offline demo" in browser.get(f"/sessions/{session.pk}/export.md").content.decode()


def test_text_of_a_language_model_is_not_labelled_offline(browser: Client, user: Any) -> None:
    assert "offline demo" not in page_of(browser, factories.finished(user))


HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>{{ 1|add:1 }}&lt;b&gt;"


def test_model_text_is_always_escaped_on_every_page(browser: Client, user: Any) -> None:
    session = factories.finished(user)
    factories.say(
        session,
        3,
        0,
        option=HOSTILE,
        claim=HOSTILE,
        reasons=[HOSTILE],
        conditions=[HOSTILE],
        response=HOSTILE,
    )
    session.seats.update(name=HOSTILE[:80], method=HOSTILE[:80], reason=HOSTILE)
    session.assessments.update(summary=HOSTILE, reason=HOSTILE, guidance=HOSTILE, open_questions=[HOSTILE])
    session.recommendations.update(option=HOSTILE, recommendation=HOSTILE, would_change_my_mind=HOSTILE)
    session.memos.update(
        recommendation=HOSTILE,
        confidence_basis=HOSTILE,
        rationale=HOSTILE,
        dissent={"persona": HOSTILE, "position": HOSTILE, "quote": HOSTILE},
        conditions=[HOSTILE],
        tripwires=[HOSTILE],
        option_reviews=[{"option": HOSTILE, "strengths": [HOSTILE], "weaknesses": [HOSTILE]}],
    )
    session.actionproposals.update(title=HOSTILE, what=HOSTILE, owner=HOSTILE[:80], success=HOSTILE, kill=HOSTILE)
    Session.objects.filter(pk=session.pk).update(title=HOSTILE, problem_statement=HOSTILE, context=HOSTILE)
    for place in (
        f"/sessions/{session.pk}/",
        f"/sessions/{session.pk}/?fragment=1",
        f"/sessions/{session.pk}/report/",
        "/",
    ):
        page = browser.get(place).content.decode()
        assert "&lt;script&gt;" in page
        assert "<script>" not in page
        assert "<img" not in page


def test_the_page_embeds_the_sequence_of_its_snapshot(browser: Client, user: Any) -> None:
    """SS1: the live stream goes on where the page ends."""
    session = factories.running(user)
    page = page_of(browser, session)
    assert f'"lastId": {session.last_sequence}' in page
    assert f'data-sequence="{session.last_sequence}"' in page


def test_the_fragment_holds_the_same_room_without_its_frame(browser: Client, user: Any) -> None:
    session = factories.running(user)
    page, fragment = page_of(browser, session), page_of(browser, session, "?fragment=1")
    assert "<html" not in fragment
    assert 'id="live"' not in fragment
    assert re.findall(r' id="([^"]+)"', fragment) == [
        name for name in re.findall(r' id="([^"]+)"', page) if name not in ("content", "announcer", "newer", "live")
    ]


def test_every_id_on_the_page_is_there_once(browser: Client, user: Any) -> None:
    ids = re.findall(r' id="([^"]+)"', page_of(browser, factories.finished(user)))
    assert len(ids) == len(set(ids))


def test_without_a_script_the_page_reloads_itself_until_the_end(browser: Client, user: Any) -> None:
    session = factories.running(user)
    refresh = '<noscript><meta http-equiv="refresh"'
    assert refresh in page_of(browser, session)
    assert refresh not in page_of(browser, session, "?still=1")
    assert refresh not in page_of(browser, factories.finished(user))
    assert refresh not in page_of(browser, factories.waiting(user))


def test_what_a_retry_left_behind_is_not_shown(browser: Client, user: Any) -> None:
    session = factories.running(user)
    session.contributions.filter(round=2).update(superseded=True)
    assert "I can no longer write" not in page_of(browser, session)


def test_each_branch_that_was_left_has_a_page_of_its_own(browser: Client, user: Any) -> None:
    """SE3"""
    session = factories.running(user, rounds=2, heard=0)
    room, left = (reverse(f"board:{name}", args=[session.pk]) for name in ("session", "left"))
    assert browser.get(left).status_code == 404
    assert left not in page_of(browser, session)
    factories.leave(session, 2, round=2)
    again = factories.say(session, 2, 0, claim="Ask the chain for a trial month.")
    factories.leave(session, 3, round=2)
    assert left in page_of(browser, session)
    newest = unescape(browser.get(left).content.decode())
    assert again.claim in newest
    assert SAID[1][1][1] not in newest
    assert room in newest
    first = unescape(browser.get(left + "?branch=1").content.decode())
    assert all(SAID[1][person][1] in first for person in range(len(PEOPLE)))
    assert again.claim not in first
    assert 'aria-current="page">branch 1' in first
    for unknown in ("0", "3", "x"):
        assert browser.get(left, {"branch": unknown}).status_code == 404


def test_what_was_left_is_for_those_who_may_read_the_session(
    browser: Client, user: Any, django_user_model: Any
) -> None:
    session = factories.running(user)
    factories.leave(session, 2, round=2)
    left = reverse("board:left", args=[session.pk])
    assert browser.get(left).status_code == 200
    browser.force_login(django_user_model.objects.create_user("eve"))
    assert browser.get(left).status_code == 404


@pytest.mark.parametrize("rounds", [1, 8])
def test_the_number_of_queries_does_not_grow_with_the_debate(
    browser: Client, user: Any, rounds: int, django_assert_num_queries: Any
) -> None:
    session = factories.running(user, rounds=2, heard=0)
    for number in range(3, 3 + rounds):
        factories.open_round(session, number)
        for person in range(4):
            factories.say(session, number, person)
    with django_assert_num_queries(13):
        page_of(browser, session)


def test_a_page_uses_no_inline_script_or_style_and_forbids_them(browser: Client, user: Any) -> None:
    session = factories.finished(user)
    for place in (f"/sessions/{session.pk}/", f"/sessions/{session.pk}/report/", "/", "/new/", "/login/"):
        page = browser.get(place).content.decode()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)
        for attributes in re.findall(r"<script([^>]*)>", page):
            assert "src=" in attributes or 'type="application/json"' in attributes


def test_a_remark_is_shown_whichever_part_of_the_debate_moved_last(browser: Client, user: Any) -> None:
    """Parts are debated side by side: one that votes while another one talks must not swallow what the owner says."""
    session = factories.running(user)
    events.append(
        session.pk,
        [
            events.Draft("phase_started", {"phase": "debating", "sub_problem": 1}),
            events.Draft("phase_started", {"phase": "voting", "sub_problem": 0}),
            events.Draft("interjection", {"text": "The mill gives us thirty days now.", "author": "ada"}),
        ],
    )
    assert "The mill gives us thirty days now." in unescape(page_of(browser, session))
