"""``Idempotency-Key``: what is sent twice is done once, and the cases that make that hard."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django_q.models import OrmQ

from sessions.models import IdempotencyKey, Session
from sessions.services import start as starting
from tests.conftest import PROBLEM

URL = "/api/v1/sessions/"
BODY = {"problem_statement": PROBLEM, "options": ["Move", "Stay"]}


def test_the_same_request_gets_the_same_answer_and_one_session(caller: Any) -> None:
    first = caller.post(URL, BODY, Idempotency_Key="k1")
    again = caller.post(URL, BODY, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first["Location"] == again["Location"]
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert Session.objects.count() == 1


def test_the_order_of_fields_makes_no_other_request(caller: Any) -> None:
    caller.post(URL, BODY, Idempotency_Key="k1")
    again = caller.post(URL, dict(reversed(BODY.items())), Idempotency_Key="k1")
    assert again["Idempotency-Replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(caller: Any, problem: Any) -> None:
    caller.post(URL, BODY, Idempotency_Key="k1")
    problem(caller.post(URL, {**BODY, "options": []}, Idempotency_Key="k1"), 422, "idempotency_key_reused")
    assert Session.objects.count() == 1


def test_another_key_or_another_person_makes_another_session(caller: Any, stranger: Any) -> None:
    for who, key in ((caller, "k1"), (caller, "k2"), (stranger, "k1")):
        assert "Idempotency-Replayed" not in who.post(URL, BODY, Idempotency_Key=key)
    assert Session.objects.count() == 3


def test_a_start_sent_twice_starts_once_and_answers_alike(caller: Any, make_session: Any) -> None:
    path = f"{URL}{make_session().pk}/start"
    first = caller.post(path, Idempotency_Key="k1")
    again = caller.post(path, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert OrmQ.objects.count() == 1


def test_one_key_serves_the_start_of_two_sessions(caller: Any, make_session: Any) -> None:
    for session in (make_session(), make_session()):
        assert "Idempotency-Replayed" not in caller.post(f"{URL}{session.pk}/start", Idempotency_Key="k1")


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "with space", "tab\there", "ü"])
def test_a_key_that_cannot_be_used_is_refused(caller: Any, problem: Any, key: str) -> None:
    problem(caller.post(URL, BODY, Idempotency_Key=key), 400, "invalid_idempotency_key")


def test_a_refused_request_leaves_its_key_free(caller: Any, problem: Any) -> None:
    problem(caller.post(URL, {**BODY, "max_rounds": 99}, Idempotency_Key="k1"), 400, "rounds_out_of_range")
    assert caller.post(URL, BODY, Idempotency_Key="k1").status_code == 201


def test_nothing_is_stored_for_an_error_on_our_side(caller: Any, problem: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = starting.create

    def fails_after_its_work(*args: Any) -> Session:
        real(*args)
        raise RuntimeError("broken")

    monkeypatch.setattr(starting, "create", fails_after_its_work)
    problem(caller.post(URL, BODY, Idempotency_Key="k1"), 500, "internal_error")
    assert (Session.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
    monkeypatch.setattr(starting, "create", real)
    assert "Idempotency-Replayed" not in caller.post(URL, BODY, Idempotency_Key="k1")


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run every call on a thread and a connection of its own, let go at one barrier."""
    gate, answers = threading.Barrier(len(calls)), []

    def run(call: Callable[[], Any]) -> None:
        try:
            gate.wait(10)
            answers.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_the_same_moment_make_exactly_one_session(caller: Any) -> None:
    """Two threads, two connections: the second waits at the unique constraint and replays."""
    for round_ in range(5):
        key = f"race-{round_}"
        answers = at_once(*[lambda key=key: caller.post(URL, BODY, Idempotency_Key=key)] * 4)
        assert [answer.status_code for answer in answers] == [201] * 4
        assert len({json.dumps(answer.json(), sort_keys=True) for answer in answers}) == 1
        assert sum("Idempotency-Replayed" in answer for answer in answers) == 3
        assert Session.objects.count() == round_ + 1


@pytest.mark.django_db(transaction=True)
def test_when_the_first_of_two_fails_the_second_does_the_work(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The waiting duplicate must not replay an answer that was rolled back."""
    real, inside, other_waits = starting.create, threading.Event(), threading.Event()
    calls: list[int] = []

    def first_fails(*args: Any) -> Session:
        calls.append(1)
        session = real(*args)
        if len(calls) == 1:
            inside.set()
            assert other_waits.wait(10)
            raise RuntimeError("broken")
        return session

    monkeypatch.setattr(starting, "create", first_fails)

    def first() -> Any:
        return caller.post(URL, BODY, Idempotency_Key="k1")

    def second() -> Any:
        assert inside.wait(10)
        threading.Timer(0.3, other_waits.set).start()  # by then this request waits for the first one's key
        return caller.post(URL, BODY, Idempotency_Key="k1")

    answers = at_once(first, second)
    assert sorted(answer.status_code for answer in answers) == [201, 500]
    assert Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_starts_without_a_key_put_it_in_line_once(caller: Any, make_session: Any) -> None:
    path = f"{URL}{make_session().pk}/start"
    answers = at_once(*[lambda: caller.post(path)] * 4)
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    assert OrmQ.objects.count() == 1
