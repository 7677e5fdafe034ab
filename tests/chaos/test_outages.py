"""What people, programs and operators see of an outage (DB4, MO1): real processes, a PostgreSQL of their own."""

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from bo1site import embedded
from tests.chaos import trees
from tests.chaos.figures import figures, total
from tests.chaos.kit import PROBLEMS, damage, repeated_calls, start_sessions, statuses
from tests.chaos.places import site_on
from tests.chaos.readers import read_to_the_end
from tests.chaos.trees import Tree
from tests.live import start_server, wait_until
from tests.own_server import OwnServer
from tests.stream.processes import Site

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


def test_while_postgresql_is_stopped_pages_say_so_at_once_and_it_heals_by_itself(
    tmp_path: Path, own_server: OwnServer
) -> None:
    board = site_on(own_server.fresh(), tmp_path, DATABASE_BREAKER_SECONDS="2")
    try:
        headers = board.add_reader()
        web = board.web("web")
        listing = f"{web}/api/v1/sessions/"
        assert httpx.get(listing, headers=headers, timeout=20).status_code == 200
        before = figures(web)
        embedded.control(own_server.data, "stop", "immediate")
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
        start_server(own_server.data)
        wait_until(
            lambda: httpx.get(listing, headers=headers, timeout=20).status_code == 200, seconds=30, what="it to heal"
        )
        after = figures(web)
        assert after['board_breaker_state{name="postgresql"}'] == 0
        for moved in ("board_database_connect_failures_total", 'board_requests_shed_total{why="database_away"}'):
            assert total(after, moved) > total(before, moved)
    finally:
        board.stop()


async def test_twenty_seconds_without_postgresql_under_load_lose_nothing_and_need_no_hand(
    tmp_path: Path, own_server: OwnServer
) -> None:
    """DB4, SE5: sessions run, people bring decisions, somebody watches; PostgreSQL is stopped for 20 s and started."""
    board = site_on(own_server.fresh(), tmp_path, DATABASE_BREAKER_SECONDS="5")
    try:
        headers = board.add_reader()
        await asyncio.to_thread(board.start_provider, "0.4-0.8")
        web = await asyncio.to_thread(board.web, "web")
        await asyncio.to_thread(board.start_worker)
        started = await asyncio.to_thread(start_sessions, board, 8, rounds=2)
        seen: list[int] = []
        watching = asyncio.create_task(read_to_the_end([web], started[0], headers, seen))
        answers: list[tuple[int, str]] = []
        pages: list[str] = []
        stop = asyncio.Event()
        crowd = [asyncio.create_task(bring(web, headers, number, answers, stop)) for number in range(10)]
        async with asyncio.timeout(120):
            while len(seen) < 4 or not any(code == 201 for code, _ in answers):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        pids = {name: process.pid for name, process in board.processes.items()}
        levels: set[float] = set()
        await asyncio.to_thread(embedded.control, own_server.data, "stop", "immediate")
        async with httpx.AsyncClient(timeout=30) as http:
            began = time.monotonic()
            while time.monotonic() - began < 20:
                levels.add((await asyncio.to_thread(figures, web))['board_breaker_state{name="postgresql"}'])
                pages.append((await http.get(f"{web}/login/")).text)
                assert (await http.get(f"{web}/health/live")).status_code == 200
                await asyncio.sleep(0.5)
        before = len(answers)
        await asyncio.to_thread(start_server, own_server.data)
        began = time.monotonic()
        async with asyncio.timeout(60):
            while not any(code == 201 for code, _ in answers[before:]):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        healed = time.monotonic() - began
        stop.set()
        await asyncio.gather(*crowd)
        await asyncio.to_thread(
            wait_until, lambda: statuses(board).get("completed") == 8, seconds=240, what="sessions to complete"
        )
        async with asyncio.timeout(60):
            await watching

        assert 2 in levels
        assert any("out of reach" in text for text in pages)
        assert {code for code, _ in answers} == {201, 503}
        stored = {str(row[0]) for row in board.query("SELECT id FROM board_session")}
        assert {found for code, found in answers if code == 201} <= stored
        assert {name: process.pid for name, process in board.processes.items()} == pids
        assert all(process.poll() is None for process in board.processes.values())
        [(head,)] = board.query("SELECT last_sequence FROM board_session WHERE id = %s", started[0])
        assert seen == list(range(1, head + 1))
        assert damage(board) == []
        again = repeated_calls(board)
        kept = sum(code == 201 for code, _ in answers)
        print(f"\nserving {healed:.1f} s after the start; {kept} accepted, {len(answers) - kept} refused; {again=}")
        assert again == []
        assert (await asyncio.to_thread(figures, web))['board_breaker_state{name="postgresql"}'] == 0
    finally:
        board.stop()


def test_a_cluster_that_breaks_while_postgresql_is_away_is_started_when_it_is_back(
    tmp_path: Path, own_server: OwnServer
) -> None:
    """SE5: the main process waits for PostgreSQL; nobody has to start it again."""
    board = site_on(own_server.fresh(), tmp_path)
    try:
        board.start_provider()
        worker = board.start_worker()
        tree = wait_until(lambda: Tree.of(worker.pid), seconds=60, what="a whole tree")
        embedded.control(own_server.data, "stop", "immediate")
        trees.kill([tree.sentinel])
        wait_until(lambda: trees.gone(tree.everybody[1:]), seconds=60, what="the cluster to be gone")
        wait_until(lambda: "waits for PostgreSQL" in board.log("worker"), seconds=60, what="the main process to notice")
        start_server(own_server.data)
        start_sessions(board, 1, rounds=1)
        wait_until(lambda: statuses(board) == {"completed": 1}, seconds=120, what="the session to complete")
        assert worker.poll() is None
    finally:
        board.stop()


async def bring(
    web: str, headers: dict[str, str], number: int, answers: list[tuple[int, str]], stop: asyncio.Event
) -> None:
    """A person who brings one decision after the other and notes what they were told."""
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0)) as http:
        while not stop.is_set():
            body = {"problem_statement": f"{PROBLEMS[number % 4]} Person {number}, decision {len(answers)}."}
            answer = await http.post(f"{web}/api/v1/sessions/", json=body, headers=headers)
            answers.append((answer.status_code, answer.json().get("id", "")))
            await asyncio.sleep(0.3)


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
