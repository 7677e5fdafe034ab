"""Whom to turn away (DB3)."""

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import AsyncRequestFactory, Client, RequestFactory

from bo1site.middleware import SheddingMiddleware
from bo1site.resilience import pools
from bo1site.resilience.pools import DatabaseAway, Load
from bo1site.resilience.shedding import Bounds, Pressure, Rank, pressure, rank, turned_away
from bo1site.unavailable import server_error

SESSION = "/sessions/0193b5a8-0000-7000-8000-000000000000/"


@pytest.mark.parametrize(
    ("in_use", "waiting", "wait", "expected"),
    [
        (18, 0, 0.0, Pressure.NONE),
        (19, 0, 0.0, Pressure.TIGHT),
        (10, 9, 0.0, Pressure.TIGHT),
        (20, 19, 0.5, Pressure.TIGHT),
        (20, 20, 0.5, Pressure.FULL),
        (20, 1, 1.5, Pressure.FULL),
    ],
)
def test_pressure_is_demand_over_supply(in_use: int, waiting: int, wait: float, expected: Pressure) -> None:
    assert pressure(in_use, waiting, 20, wait, Bounds()) is expected


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/new/", Rank.NEW_WORK),
        ("GET", "/", Rank.NEW_WORK),
        ("POST", "/api/v1/sessions/", Rank.NEW_WORK),
        ("POST", f"{SESSION}start/", Rank.NEW_WORK),
        ("POST", f"/api/v1{SESSION}retry", Rank.NEW_WORK),
        ("GET", SESSION, Rank.RUNNING),
        ("POST", f"{SESSION}stop/", Rank.RUNNING),
        ("GET", f"/api/v1{SESSION}events", Rank.RUNNING),
        ("GET", "/health/live", Rank.NEVER),
        ("GET", "/metrics", Rank.NEVER),
        ("GET", "/admin/board/session/", Rank.NEVER),
    ],
)
def test_what_a_request_is_worth(method: str, path: str, expected: Rank) -> None:
    assert rank(method, path) is expected


def test_reads_of_running_sessions_are_turned_away_after_new_work_and_health_never() -> None:
    assert [turned_away(Rank.NEW_WORK, level) for level in Pressure] == [False, True, True]
    assert [turned_away(Rank.RUNNING, level) for level in Pressure] == [False, False, True]
    assert [turned_away(Rank.NEVER, level) for level in Pressure] == [False, False, False]


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "load", lambda alias="default": Load(20, 25, 20, 2.0))


def test_a_program_is_told_in_a_problem_document_when_to_come_back(full: None) -> None:
    answer = SheddingMiddleware.refusal(RequestFactory().post("/api/v1/sessions/"))
    assert answer is not None
    assert answer.status_code == 503
    assert 1 <= int(answer["Retry-After"]) <= 4
    assert answer["Content-Type"] == "application/problem+json"
    assert json.loads(answer.content)["code"] == "unavailable"  # type: ignore[attr-defined]


def test_a_person_is_told_on_a_page(full: None, client: Client) -> None:
    answer = client.get("/new/")
    assert answer.status_code == 503
    assert "The board is busy" in answer.content.decode()


def test_health_answers_under_any_pressure(full: None, client: Client) -> None:
    assert client.get("/health/live").status_code == 200


async def test_the_asynchronous_chain_is_guarded_too(full: None) -> None:
    async def inner(request: Any) -> Any:
        raise AssertionError("must not be asked")

    answer = await SheddingMiddleware(inner)(AsyncRequestFactory().get("/"))
    assert answer.status_code == 503


def test_an_outage_that_a_view_notices_is_a_503_and_not_a_500() -> None:
    request = RequestFactory().get("/")
    try:
        try:
            raise DatabaseAway(42.0, "connection refused")
        except DatabaseAway as cause:
            raise OperationalError(str(cause)) from cause
    except OperationalError:
        answer = server_error(request)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "42"
    assert "out of reach" in answer.content.decode()


def test_a_fault_of_our_own_stays_a_500() -> None:
    try:
        raise ValueError("ours")
    except ValueError:
        assert server_error(RequestFactory().get("/")).status_code == 500
