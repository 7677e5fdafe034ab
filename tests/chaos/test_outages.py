"""What people, programs and operators see of an outage (DB4, MO1): real processes, a PostgreSQL of their own."""

import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from bo1site import embedded
from tests.chaos.kit import PROBLEMS, statuses
from tests.chaos.test_cascades import figures, own_server, site, site_on, total
from tests.live import wait_until
from tests.stream.processes import Site

__all__ = ["own_server", "site"]
pytestmark = [pytest.mark.chaos, pytest.mark.slow]


def test_while_postgresql_is_stopped_pages_say_so_at_once_and_it_heals_by_itself(
    tmp_path: Path, own_server: Path
) -> None:
    url = embedded.attach(own_server, own=False)
    board = site_on(url, tmp_path, DATABASE_BREAKER_SECONDS="2")
    try:
        headers = board.add_reader()
        web = board.web("web")
        listing = f"{web}/api/v1/sessions/"
        assert httpx.get(listing, headers=headers, timeout=20).status_code == 200
        before = figures(web)
        embedded.control(own_server, "stop", "immediate")
        seen: set[int] = set()

        def opened() -> bool:
            answer = httpx.get(listing, headers=headers, timeout=20)
            seen.add(answer.status_code)
            assert int(answer.headers["Retry-After"]) >= 1
            return figures(web)['board_breaker_state{name="postgresql"}'] == 2

        wait_until(opened, seconds=40, what="the breaker to open")
        page = httpx.get(f"{web}/login/", timeout=20)
        assert (page.status_code, "out of reach" in page.text) == (503, True)
        assert httpx.get(f"{web}/health/live", timeout=20).status_code == 200
        assert httpx.get(f"{web}/health/ready", timeout=20).status_code == 503
        assert seen == {503}
        embedded.attach(own_server, own=False)
        wait_until(
            lambda: httpx.get(listing, headers=headers, timeout=20).status_code == 200, seconds=30, what="it to heal"
        )
        after = figures(web)
        assert after['board_breaker_state{name="postgresql"}'] == 0
        for moved in ("board_database_connect_failures_total", 'board_requests_shed_total{why="database_away"}'):
            assert total(after, moved) > total(before, moved)
    finally:
        board.stop()


def test_one_id_leads_from_the_request_to_the_call_of_a_model_in_another_process(site: Site) -> None:
    headers = site.add_reader()
    site.env["LOG_FORMAT"] = "json"
    site.start_provider()
    web = site.web("web")
    site.start_worker()
    created = httpx.post(
        f"{web}/api/v1/sessions/", json={"problem_statement": PROBLEMS[0], "max_rounds": 1}, headers=headers, timeout=60
    )
    session = created.json()["id"]
    asked = {**headers, "X-Request-ID": "at-three-in-the-morning"}
    answer = httpx.post(f"{web}/api/v1/sessions/{session}/start", headers=asked, timeout=60)
    assert answer.headers["X-Request-ID"] == "at-three-in-the-morning"
    wait_until(lambda: statuses(site) == {"completed": 1}, seconds=120, what="the session to complete")
    mine = [line for line in lines(site.log("worker")) if line.get("correlation_id") == "at-three-in-the-morning"]
    assert {line["session_id"] for line in mine} == {session}
    assert sum(line["logger"] == "llm.metrics" for line in mine) > 5
    ledger = site.query("SELECT correlation_id, count(*) FROM llm_llmcall WHERE session_id = %s GROUP BY 1", session)
    assert [name for name, _ in ledger] == ["at-three-in-the-morning"]


def test_a_process_that_is_told_to_stop_is_unready_first_and_serves_on_for_a_while(site: Site) -> None:
    web = site.web("web", DRAIN_SECONDS="4")
    process = site.processes["web"]
    assert httpx.get(f"{web}/health/ready", timeout=20).status_code == 200
    process.send_signal(signal.SIGTERM)
    wait_until(
        lambda: httpx.get(f"{web}/health/ready", timeout=20).json()["status"] == "draining", seconds=3, what="draining"
    )
    assert httpx.get(f"{web}/login/", timeout=20).status_code == 200
    assert process.wait(30) in (0, -signal.SIGTERM)


def lines(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]
