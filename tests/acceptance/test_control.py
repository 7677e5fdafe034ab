"""SE7: what the owner asks of a running session takes effect within a step, over the API and real processes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.chaos.kit import PROBLEMS, damage, in_flight, repeated_calls, started_twice
from tests.live import Board, board, wait_until

pytestmark = pytest.mark.slow
TOKEN = "0123456789abcdef0123456789abcdef01234567"
PATIENCE = 120.0


class Owner:
    """Somebody with a token and one decision at a time."""

    def __init__(self, product: Board) -> None:
        self.product = product
        self._http = httpx.Client(
            base_url=f"{product.url}/api/v1/sessions/", headers={"Authorization": f"Token {TOKEN}"}, timeout=60
        )

    def bring(self, problem: str, rounds: int = 2) -> str:
        body = {"problem_statement": problem, "max_rounds": rounds}
        session = str(self._http.post("", json=body).json()["id"])
        self.ask(session, "start")
        return session

    def ask(self, session: str, verb: str, **body: Any) -> dict[str, Any]:
        answer = self._http.post(f"{session}/{verb}", json=body)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def until(self, session: str, status: str) -> None:
        wait_until(
            lambda: self._http.get(f"{session}/").json()["status"] == status,
            seconds=PATIENCE,
            what=f"it to be {status}",
        )

    def until_calls_wait(self, count: int = 1) -> None:
        wait_until(lambda: in_flight(self.product) >= count, seconds=PATIENCE, what="calls to be under way")

    def events(self, session: str) -> list[dict[str, Any]]:
        return list(self._http.get(f"{session}/events", params={"limit": 500}).json()["events"])

    def steps(self, session: str) -> dict[str, int]:
        """How many steps are stored, by namespace: the deliberation's and each debate's."""
        rows = self.product.query(
            "SELECT checkpoint_ns, count(*) FROM board_checkpoint WHERE thread_id = %s GROUP BY 1", session
        )
        return {str(space): int(count) for space, count in rows}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with board(tmp_path_factory.mktemp("control"), latency="0.2-0.4") as running:
        running.add_user()
        running.query("INSERT INTO authtoken_token SELECT %s, now(), id FROM auth_user", TOKEN)
        yield running


@pytest.fixture
def owner(product: Board) -> Iterator[Owner]:
    yield Owner(product)
    product.clear_faults()


def harm(product: Board, **fault: Any) -> None:
    for provider in ("anthropic", "openai"):
        product.fault(provider=provider, **fault)


def test_a_pause_lets_the_open_step_end_and_no_other_begin(owner: Owner, product: Board) -> None:
    session = owner.bring(PROBLEMS[0])
    owner.until_calls_wait()
    assert owner.ask(session, "pause", reason="lunch")["status"] in ("running", "paused")
    before = owner.steps(session)
    owner.until(session, "paused")
    paused = owner.steps(session)
    assert all(count - before.get(space, 0) <= 1 for space, count in paused.items()), (before, paused)
    assert in_flight(product) == 0
    assert owner.events(session)[-1]["data"] == {"reason": "lunch"}
    owner.ask(session, "resume")
    owner.until(session, "completed")
    assert started_twice(product) == 0
    assert repeated_calls(product) == []
    assert damage(product) == []


def test_a_kill_cancels_what_is_being_asked_and_nothing_is_written_after_it(owner: Owner, product: Board) -> None:
    harm(product, kind="stall", seconds=300, match="whole row of mills")  # whoever waits for these waits in vain
    session = owner.bring(f"{PROBLEMS[1]} There is a whole row of mills to choose from.")
    owner.until_calls_wait()
    owner.ask(session, "kill", reason="the wrong question")
    wait_until(lambda: product.provider_in_flight() == 0, seconds=60, what="the calls to be cancelled")
    wait_until(lambda: in_flight(product) == 0, seconds=60, what="the ledger to say so")
    steps, told = owner.steps(session), owner.events(session)
    assert told[-1]["type"] == "session_killed"
    other = owner.bring(PROBLEMS[2], rounds=1)  # the runner lives on, and has had time to write more
    owner.until(other, "completed")
    assert (owner.steps(session), owner.events(session)) == (steps, told)
    assert damage(product) == []


def test_what_is_said_is_in_every_prompt_from_the_next_step_on(owner: Owner, product: Board) -> None:
    harm(product, kind="delay", seconds=3, match='<round number=\\"1\\"')
    session = owner.bring(PROBLEMS[3])
    seats = "SELECT count(*) FROM board_seat WHERE session_id = %s"
    wait_until(lambda: product.query(seats, session)[0][0], seconds=PATIENCE, what="a board")
    owner.until_calls_wait(product.query(seats, session)[0][0])  # all of round 1 is being asked
    harm(product, kind="delay", seconds=0.001, match="The mill gives us thirty days")  # it only counts who has heard
    said = owner.ask(session, "interject", text="The mill gives us thirty days now.")["sequence"]
    owner.until(session, "completed")
    [(later,)] = product.query(
        "SELECT count(*) FROM llm_llmcall c, board_event e WHERE c.session_id = e.session_id AND e.session_id = %s"
        " AND e.sequence = %s AND c.started_at > e.created_at AND c.node IN ('persona', 'assess')",
        session,
        said,
    )
    assert later >= 4
    assert sum(fault["seen"] for fault in product.faults() if fault["match"].startswith("The mill")) >= later
    heard = [event["type"] for event in owner.events(session)[said:]]
    assert heard.index("contribution") < heard.index("round_assessed"), "the open step went on to its end"


def test_a_question_waits_without_a_worker_and_its_answer_goes_on_at_the_same_place(
    owner: Owner, product: Board
) -> None:
    session = owner.bring(f"{PROBLEMS[3]}\n\nAsk me in between.", rounds=3)
    owner.until(session, "waiting")
    held = "SELECT lease_owner, lease_until FROM board_session WHERE id = %s"
    assert product.query(held, session) == [("", None)]
    wait_until(lambda: in_flight(product) == 0, seconds=30, what="nobody to be asked")
    rounds = "SELECT max(round) FROM board_assessment WHERE session_id = %s"
    asked_after = product.query(rounds, session)
    asked = owner.events(session)[-1]["data"]
    owner.ask(session, "answer", answers=["Not yet"] * len(asked["questions"]), interrupt_id=asked["interrupt_id"])
    owner.until(session, "completed")
    told = [event["type"] for event in owner.events(session)]
    after = told[told.index("clarification_answered") :]
    assert after[:3] == ["clarification_answered", "session_queued", "session_resumed"]
    assert after.count("round_started") == product.query(rounds, session)[0][0] - asked_after[0][0]
    assert repeated_calls(product) == []
    assert damage(product) == []
