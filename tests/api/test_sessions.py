"""Create, list, read and start over HTTP (audit requirements SE9, LM6)."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from llm.models import LLMCall
from sessions.models import AuditEntry, Contribution, Memo, Session, Status
from sessions.transitions import transition
from tests.conftest import PROBLEM

URL = "/api/v1/sessions/"


def test_a_decision_becomes_a_draft(caller: Any, user: Any) -> None:
    answer = caller.post(
        URL, {"problem_statement": PROBLEM, "options": ["Move", "Stay"], "constraints": ["€300k"], "cost_cap": "2.5"}
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert answer["Location"] == body["url"] == f"http://testserver{URL}{body['id']}/"
    assert (body["status"], body["options"], body["constraints"]) == ("created", ["Move", "Stay"], ["€300k"])
    assert body["cost_cap"] == "2.5000"
    session = Session.objects.get(pk=body["id"])
    assert session.owner_id == user.pk
    assert UUID(body["id"]).version == 7


def test_a_cap_may_be_a_json_number(caller: Any) -> None:
    assert caller.post(URL, {"problem_statement": PROBLEM, "cost_cap": 0.1}).json()["cost_cap"] == "0.1000"


def test_starting_puts_the_draft_in_line_and_leaves_an_audit_entry(caller: Any, make_session: Any) -> None:
    session = make_session()
    answer = caller.post(f"{URL}{session.pk}/start")
    assert answer.status_code == 202, answer.content
    assert answer.json()["status"] == "queued"
    assert AuditEntry.objects.filter(action="start", object_id=str(session.pk)).count() == 1


def test_a_second_start_is_a_conflict(caller: Any, make_session: Any, problem: Any) -> None:
    session = make_session()
    caller.post(f"{URL}{session.pk}/start")
    body = problem(caller.post(f"{URL}{session.pk}/start"), 409, "illegal_transition")
    assert "in line" in body["detail"]


def test_the_list_holds_only_sessions_of_the_caller(caller: Any, stranger: Any, make_session: Any) -> None:
    session = make_session()
    assert [row["id"] for row in caller.get(URL).json()["results"]] == [str(session.pk)]
    assert stranger.get(URL).json()["results"] == []


def test_staff_with_the_permission_see_every_session(operator: Any, make_session: Any) -> None:
    session = make_session()
    assert [row["id"] for row in operator.get(URL).json()["results"]] == [str(session.pk)]
    assert operator.get(f"{URL}{session.pk}/").status_code == 200


def test_pages_by_cursor_show_every_session_once_while_new_ones_arrive(caller: Any, make_session: Any) -> None:
    made = [str(make_session().pk) for _ in range(7)]
    seen, next_ = [], URL
    query: dict[str, Any] = {"limit": 3}
    while next_:
        page = caller.get(next_, **query).json()
        seen += [row["id"] for row in page["results"]]
        next_, query = page["next"], {}
        make_session()
    assert seen == made[::-1]


def test_the_previous_page_leads_back(caller: Any, make_session: Any) -> None:
    for _ in range(4):
        make_session()
    first = caller.get(URL, limit=2).json()
    second = caller.get(first["next"]).json()
    assert caller.get(second["previous"]).json()["results"] == first["results"]


def test_the_list_can_be_filtered_by_several_statuses(caller: Any, make_session: Any) -> None:
    draft, queued, killed = make_session(), make_session(), make_session()
    caller.post(f"{URL}{queued.pk}/start")
    transition(killed.pk, Status.KILLED)
    found = caller.get(URL, status=["created", "killed"]).json()["results"]
    assert {row["id"] for row in found} == {str(draft.pk), str(killed.pk)}


def test_search_looks_for_every_word(caller: Any, make_session: Any) -> None:
    make_session()
    wanted = make_session(problem="Should the bakery on Mill Lane open on Sundays from the spring?")
    assert [r["id"] for r in caller.get(URL, search="sundays MILL").json()["results"]] == [str(wanted.pk)]
    assert caller.get(URL, search="sundays Lisbon").json()["results"] == []
    assert caller.get(URL, search="100%_\\").json()["results"] == []


def test_reading_gives_the_room_without_what_a_retry_left_behind(caller: Any, make_session: Any) -> None:
    session = make_session()
    common = {"session": session, "round": 1, "persona": "actuary", "name": "The actuary", "option": "Stay"}
    common |= {"claim": "Rents rise", "reasons": ["a"], "conditions": [], "confidence": 0.7}
    Contribution.objects.create(key="a", **common)
    Contribution.objects.create(key="b", superseded=True, **common)
    Memo.objects.create(
        session=session, key="m", recommendation="Stay", confidence=0.6, confidence_basis="b", rationale="r"
    )
    room = caller.get(f"{URL}{session.pk}/").json()["room"]
    assert [row["key"] for row in room["contributions"]] == ["a"]
    assert room["contributions"][0]["reasons"] == ["a"]
    assert room["memo"]["recommendation"] == "Stay"
    assert set(room) == {
        "sub_problems", "seats", "contributions", "assessments", "recommendations", "memo", "actions",
    }  # fmt: skip


def test_unknown_cost_is_counted_and_never_zero(caller: Any, make_session: Any) -> None:
    """LM6: the session's total is the sum of its ledger; what is unknown is said to be."""
    session = make_session(cost_cap=Decimal(5))
    common = {"session_id": session.pk, "provider": "anthropic", "model": "m", "tier": "core", "status": "finished"}
    LLMCall.objects.create(cost="0.01", **common)
    LLMCall.objects.create(cost="0.02000001", **common)
    LLMCall.objects.create(cost=None, **common)
    cost = caller.get(f"{URL}{session.pk}/").json()["cost"]
    assert (cost["known"], cost["unknown_calls"], cost["calls"], cost["complete"]) == ("0.03000001", 1, 3, False)
    assert (cost["currency"], cost["cap"]) == ("USD", "5.00000000")


@pytest.mark.parametrize("path", ["", "start", "events", "export"])
def test_a_foreign_session_does_not_exist(stranger: Any, make_session: Any, problem: Any, path: str) -> None:
    session = make_session()
    method = "POST" if path == "start" else "GET"
    problem(stranger.call(method, f"{URL}{session.pk}/{path}"), 404, "not_found")


def test_staff_who_may_only_look_cannot_start(make_session: Any, django_user_model: Any, problem: Any) -> None:
    from django.contrib.auth.models import Permission

    from sessions.services import tokens
    from tests.api.conftest import Caller

    watcher = django_user_model.objects.create_user("watcher", password="a-long-enough-secret", is_staff=True)
    watcher.user_permissions.add(Permission.objects.get(content_type__app_label="board", codename="view_session"))
    session = make_session()
    caller = Caller(tokens.rotate(watcher).key)
    assert caller.get(f"{URL}{session.pk}/").status_code == 200
    problem(caller.post(f"{URL}{session.pk}/start"), 403, "forbidden")
    session.refresh_from_db()
    assert session.status == "created"


def test_the_detail_of_a_failure_is_for_staff(caller: Any, operator: Any, make_session: Any) -> None:
    session = make_session()
    failure = {"code": "overloaded", "message": "Busy.", "recoverable": True, "node": "debate", "detail": "Traceback"}
    Session.objects.filter(pk=session.pk).update(status="failed", failure=failure)
    shown = caller.get(f"{URL}{session.pk}/").json()["failure"]
    assert shown == {"code": "overloaded", "message": "Busy.", "recoverable": True, "node": "debate", "attempt": 1}
    assert operator.get(f"{URL}{session.pk}/").json()["failure"]["detail"] == "Traceback"


def test_reading_takes_few_queries(caller: Any, make_session: Any, django_assert_max_num_queries: Any) -> None:
    session = make_session()
    with django_assert_max_num_queries(11):
        caller.get(f"{URL}{session.pk}/")
    for _ in range(30):
        make_session()
    with django_assert_max_num_queries(3):
        assert len(caller.get(URL, limit=30).json()["results"]) == 30


def test_answers_are_not_cached_by_anybody(caller: Any) -> None:
    assert caller.get(URL)["Cache-Control"] == "no-store"
