"""Events as a list: the table in sequence order, page by page."""

from typing import Any

import pytest

from sessions import events
from sessions.events import Draft
from sessions.models import Status
from sessions.transitions import transition

URL = "/api/v1/sessions/"


@pytest.fixture
def session(make_session: Any) -> Any:
    session = make_session()
    events.append(session.pk, [Draft("interjection", {"text": f"note {n}"}, f"n{n}") for n in range(9)])
    return session


def test_events_come_in_sequence_order_with_their_data(caller: Any, session: Any) -> None:
    page = caller.get(f"{URL}{session.pk}/events").json()
    assert [event["sequence"] for event in page["events"]] == list(range(1, 11))
    assert page["events"][1]["type"] == "interjection"
    assert page["events"][1]["data"] == {"text": "note 0"}
    assert (page["head"], page["after"], page["next"], page["ended"]) == (10, 10, None, False)


def test_following_next_gives_every_event_once(caller: Any, session: Any) -> None:
    seen, next_, query = [], f"{URL}{session.pk}/events", {"limit": 4}
    while next_:
        page = caller.get(next_, **query).json()
        seen += [event["sequence"] for event in page["events"]]
        next_, query = page["next"], {}
    assert seen == list(range(1, 11))


def test_polling_with_after_gives_only_what_is_new(caller: Any, session: Any) -> None:
    path = f"{URL}{session.pk}/events"
    after = caller.get(path).json()["after"]
    assert caller.get(path, after=after).json()["events"] == []
    transition(session.pk, Status.KILLED)
    page = caller.get(path, after=after).json()
    assert [event["type"] for event in page["events"]] == ["session_killed"]
    assert page["ended"] is True


def test_beyond_the_head_there_is_nothing(caller: Any, session: Any) -> None:
    page = caller.get(f"{URL}{session.pk}/events", after=2**63 - 1).json()
    assert (page["events"], page["head"], page["next"]) == ([], 10, None)


@pytest.mark.parametrize("query", [{"after": -1}, {"after": "x"}, {"after": 2**63}, {"limit": 0}, {"limit": 1001}])
def test_a_bad_parameter_is_named(caller: Any, session: Any, problem: Any, query: dict[str, Any]) -> None:
    body = problem(caller.get(f"{URL}{session.pk}/events", **query), 400, "invalid_parameter")
    assert body["errors"][0]["field"] in query


def test_a_page_takes_three_queries(caller: Any, session: Any, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(3):
        caller.get(f"{URL}{session.pk}/events")
