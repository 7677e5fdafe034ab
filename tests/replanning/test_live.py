"""Plans against the whole product as real processes, with a Redis that swallows everything from the start (RP2–RP4)."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.conftest import PROBLEM
from tests.live import Board, board, wait_until

pytestmark = pytest.mark.slow

#: Of whom the first owns everything; the others are staff who may replan for her.
PEOPLE = 20
#: Seconds that a busy machine may take for a debate, and for the queue to come round to its schedules.
DEBATE, SCHEDULE = 180.0, 120.0
_SIGN_UP = f"""
import json
from django.contrib.auth import get_user_model
from sessions.services import tokens
make = get_user_model().objects.create_superuser
print(json.dumps([tokens.rotate(make(f"person{{n}}", f"p{{n}}@example.org", "a-long-enough-secret")).key
                  for n in range({PEOPLE})]))
"""


class Caller:
    """A program with a token that talks to the product over HTTP and tries again when it is told to (503)."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url + "/api/v1", token

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Token {self.token}", "Content-Type": "application/json"},
        )
        answer: list[tuple[int, Any]] = []

        def answered() -> bool:
            try:
                with urllib.request.urlopen(request, timeout=60) as response:
                    answer.append((response.status, json.loads(response.read() or b"null")))
            except urllib.error.HTTPError as error:
                if error.code == 503:
                    return False
                answer.append((error.code, json.loads(error.read())))
            return True

        wait_until(answered, seconds=60, what=f"{method} {path} to be served")
        return answer[0]

    def done(self, method: str, path: str, body: Any = None) -> Any:
        status, found = self.send(method, path, body)
        assert 200 <= status < 300, (path, status, found)
        return found


@pytest.fixture(scope="module")
def product(tmp_path_factory: Any) -> Iterator[Board]:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=500) as hole,  # accepts, and never answers
        board(tmp_path_factory.mktemp("plans"), REDIS_URL=f"redis://127.0.0.1:{hole.getsockname()[1]}/0") as running,
    ):
        yield running


@pytest.fixture(scope="module")
def people(product: Board) -> list[Caller]:
    tokens = json.loads(product.script(_SIGN_UP).splitlines()[-1])
    return [Caller(product.url, token) for token in tokens]


def blocked(owner: Caller, title: str = "Hire four people") -> str:
    """The id of a blocked action in a project of its own."""
    project = owner.done("POST", "/projects/", {"title": f"A plan: {title}"})
    action = owner.done("POST", f"/projects/{project['id']}/actions/", {"title": title})
    owner.done("POST", f"/actions/{action['id']}/status", {"status": "blocked", "reason": "No candidates"})
    return str(action["id"])


def test_twenty_people_who_press_replan_at_once_are_all_led_to_one_session(
    product: Board, people: list[Caller]
) -> None:
    """RP2: over HTTP, through one web process with its pool of connections."""
    action = blocked(people[0])
    together = Barrier(PEOPLE)

    def press(person: Caller) -> tuple[int, Any]:
        together.wait(60)
        return person.send("POST", f"/actions/{action}/replan", {"reason": "We need another way"})

    with ThreadPoolExecutor(PEOPLE) as crowd:
        answers = list(crowd.map(press, people))
    assert {status for status, _ in answers} == {202}
    first = answers[0][1]
    same = ("id", "action", "session", "created_at", "reason")
    assert all(all(found[name] == first[name] for name in same) for _, found in answers)
    assert product.query("SELECT id::text FROM board_session WHERE id = %s", first["session"]) == [(first["session"],)]
    for table in ("replanning_replan", "replanning_projectsession"):
        assert product.query(f"SELECT count(*) FROM {table} WHERE action_id = %s", action) == [(1,)]


def test_from_decision_to_accepted_new_plan_while_redis_is_a_black_hole(product: Board, people: list[Caller]) -> None:
    """RP4: nothing of it waits for Redis, and nothing is missing at the end."""
    ada = people[0]
    decision = {"problem_statement": PROBLEM, "max_rounds": 1}
    session = ada.done("POST", "/sessions/", decision)["id"]
    ada.done("POST", f"/sessions/{session}/start")

    def ended(which: str) -> bool:
        return bool(ada.done("GET", f"/sessions/{which}/")["status"] == "completed")

    wait_until(lambda: ended(session), seconds=DEBATE, what="the board to advise")
    report = ada.done("POST", f"/sessions/{session}/accept", {"title": "Support"})
    action = report["accepted"][0]["id"]
    ada.done("POST", f"/actions/{action}/status", {"status": "blocked", "reason": "The works council objects"})
    replan = ada.done("POST", f"/actions/{action}/replan")

    def offered() -> bool:
        return bool(ada.done("GET", f"/replans/{replan['id']}/")["stage"] == "offered")

    wait_until(offered, seconds=DEBATE, what="a new plan on offer")
    new = ada.done("POST", f"/replans/{replan['id']}/accept")["accepted"]
    assert new
    assert {row["replaces"] for row in new} == {action}
    assert ada.done("GET", f"/actions/{action}/")["status"] == "replanned"
    assert "0 found" in product.manage("repair_replans", "--dry-run").stdout


def test_the_queue_repairs_replans_by_its_schedule(product: Board, people: list[Caller]) -> None:
    """RP3: the schedule that the migrations leave behind, brought forward to now, run by a real worker."""
    action = blocked(people[0], "Find an office")
    session = people[0].done("POST", f"/actions/{action}/replan")["session"]
    product.query("DELETE FROM replanning_projectsession WHERE session_id = %s", session)
    moved = product.query(
        "UPDATE django_q_schedule SET next_run = now() - interval '1 minute' WHERE name = 'replanning: repair' "
        "RETURNING schedule_type"
    )
    assert moved == [("D",)]

    def mended() -> bool:
        return bool(product.query("SELECT 1 FROM replanning_projectsession WHERE session_id = %s", session))

    wait_until(mended, seconds=SCHEDULE, what="the nightly repair")
    entry = product.query("SELECT actor, reason FROM board_auditentry WHERE action = 'repair_replan'")
    assert entry == [("system", "nightly repair")]
