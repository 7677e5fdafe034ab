from typing import Any

import pytest
from django.test import Client

from sessions.models import Session
from tests import factories


def test_an_empty_list_teaches_what_the_board_does(browser: Client) -> None:
    page = browser.get("/").content.decode()
    assert "Bring your first decision" in page
    assert "strongest dissent" in page


def test_the_list_shows_status_place_cost_and_answer(browser: Client, user: Any) -> None:
    factories.finished(user)
    factories.running(user)
    page = browser.get("/").content.decode()
    assert "Counter by Friday with 350 pieces" in page
    assert "Completed" in page
    assert "Debating, round 2 of 4" in page
    assert "US$0.40" in page


def test_search_finds_in_title_and_text_and_keeps_the_words(browser: Client, make_session: Any) -> None:
    make_session(problem="Shall we sell the second bakery in Utrecht to its manager this spring?")
    make_session(problem="Shall we close the shop on Mondays from October to March or all year round?")
    page = browser.get("/?q=utrecht").content.decode()
    assert "second bakery" in page
    assert "Mondays" not in page
    assert 'value="utrecht"' in page


@pytest.mark.parametrize("query", ["%", "_", "\x00", "'; DROP TABLE board_session", "\ud800", "ﷺ" * 300])
def test_odd_search_words_are_only_words(browser: Client, make_session: Any, query: str) -> None:
    make_session()
    assert browser.get("/", {"q": query.encode("utf-8", "surrogatepass")}).status_code == 200
    assert Session.objects.count() == 1


def test_a_search_without_a_hit_says_so_and_escapes_the_words(browser: Client, make_session: Any) -> None:
    make_session()
    page = browser.get("/", {"q": "<b>x</b>"}).content.decode()
    assert "Nothing matches" in page
    assert "<b>x</b>" not in page


def test_states_can_be_picked_out(browser: Client, user: Any) -> None:
    factories.waiting(user)
    factories.killed(user)
    page = browser.get("/?state=yours").content.decode()
    assert "Waiting for your answer" in page
    assert "status-killed" not in page
    assert browser.get("/?state=nonsense").status_code == 200


@pytest.mark.parametrize("page", ["1", "3", "999999", "-1", "x", ""])
def test_pages_hold_twenty_and_a_wrong_page_number_does_no_harm(browser: Client, make_session: Any, page: str) -> None:
    for _ in range(41):
        make_session()
    answer = browser.get("/", {"page": page})
    assert answer.status_code == 200
    assert "of 3, 41 decisions" in answer.content.decode()


def test_the_list_reloads_itself_only_while_something_moves(browser: Client, user: Any) -> None:
    factories.finished(user)
    assert "http-equiv" not in browser.get("/").content.decode()
    factories.queued(user)
    assert "http-equiv" in browser.get("/").content.decode()


def test_the_number_of_queries_does_not_grow_with_the_list(
    browser: Client, user: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        factories.running(user)
    with django_assert_max_num_queries(6):
        browser.get("/")


def test_a_thousand_sessions_are_listed_a_page_at_a_time_in_as_many_queries_as_a_few(
    browser: Client, user: Any, make_session: Any, django_assert_max_num_queries: Any
) -> None:
    one = make_session()
    Session.objects.bulk_create(
        Session(owner=user, title=f"Decision {n}", problem_statement=one.problem_statement) for n in range(1000)
    )
    with django_assert_max_num_queries(6):
        page = browser.get("/").content.decode()
    assert page.count("Decision 9") < 60
