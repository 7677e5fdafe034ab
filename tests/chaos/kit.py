"""What chaos tests ask of a product that was harmed: is every session whole, and is it the one it would have been?"""

import json
import signal
from collections.abc import Iterable
from typing import Any

from tests.live import Board, wait_until

FINISHED = "SELECT count(*) FROM llm_llmcall WHERE status = 'finished'"

#: Decisions as different as the offline provider's topics allow, so that a mixed-up answer would show.
PROBLEMS = (
    "We must decide by Friday whether to move our support team of fourteen from Leeds to Lisbon or keep it and hire.",
    "Should we raise the price of our monthly plan from 29 to 39 euros for everybody, or only for new customers?",
    "Our only database administrator leaves in March: hire a successor, train a developer, or buy a managed service?",
    "A large customer wants a feature that nobody else needs. Build it, refuse it, or sell it as consulting work?",
)

_MAKE = """
import json, sys
from django.contrib.auth import get_user_model
from sessions.services.start import Decision, create, start
owner, _ = get_user_model().objects.get_or_create(username="ada")
ids = []
for problem in json.loads({problems!r}):
    session = create(owner, Decision(problem, max_rounds={rounds}))
    start(session)
    ids.append(str(session.pk))
print("IDS", json.dumps(ids))
"""


def start_sessions(board: Board, count: int, *, rounds: int = 2, problem: str = "") -> list[str]:
    """Put ``count`` decisions into line, different ones or all about the same ``problem``; return their ids."""
    problems = [problem or PROBLEMS[number % len(PROBLEMS)] for number in range(count)]
    output = board.script(_MAKE.format(problems=json.dumps(problems), rounds=rounds))
    ids: list[str] = json.loads(output.partition("IDS ")[2])
    return ids


def statuses(board: Board) -> dict[str, int]:
    return {
        status: int(count) for status, count in board.query("SELECT status, count(*) FROM board_session GROUP BY 1")
    }


def completed(board: Board, ids: list[str]) -> bool:
    """Whether every one of these sessions has come to its end."""
    rows = board.query("SELECT count(*) FROM board_session WHERE status = 'completed' AND id = ANY(%s::uuid[])", ids)
    return bool(rows == [(len(ids),)])


def damage(board: Board) -> list[str]:
    """Everything about the sessions that should not be, in words; empty when all is whole. Valid at any moment."""
    found = []
    for session, head, count, low, high in board.query(
        "SELECT s.id, s.last_sequence, count(e.*), min(e.sequence), max(e.sequence) FROM board_session s"
        " JOIN board_event e ON e.session_id = s.id GROUP BY s.id"
    ):
        if (low, high, count) != (1, head, head):
            found.append(f"{session}: events {low}…{high}, {count} of them, head {head}")
    rows_without_event = """
        SELECT c.session_id, c.key FROM board_contribution c WHERE NOT EXISTS (
            SELECT 1 FROM board_event e WHERE e.session_id = c.session_id AND e.key = c.key)"""
    events_without_row = """
        SELECT e.session_id, e.key FROM board_event e WHERE e.type = 'contribution' AND NOT EXISTS (
            SELECT 1 FROM board_contribution c WHERE c.session_id = e.session_id AND c.key = e.key)"""
    rows_without_write = """
        SELECT c.session_id, c.key FROM board_contribution c WHERE NOT EXISTS (
            SELECT 1 FROM board_checkpointwrite w WHERE w.thread_id = c.session_id::text
            AND w.checkpoint_id = c.checkpoint_id AND w.channel = 'outbox')"""
    completed_without_end = """
        SELECT s.id, s.status FROM board_session s WHERE (s.status = 'completed') <> EXISTS (
            SELECT 1 FROM board_event e WHERE e.session_id = s.id AND e.type = 'session_completed')"""
    missing_blob = """
        SELECT c.thread_id, v.key FROM board_checkpoint c, jsonb_each_text(c.body -> 'channel_versions') v
        WHERE NOT EXISTS (SELECT 1 FROM board_checkpointblob b WHERE b.thread_id = c.thread_id
            AND b.checkpoint_ns = c.checkpoint_ns AND b.channel = v.key AND b.version = v.value)"""
    for what, statement in {
        "a contribution without its event": rows_without_event,
        "an event without its contribution": events_without_row,
        "a contribution without the task's writes": rows_without_write,
        "completed and not, at once": completed_without_end,
        "a checkpoint without a value": missing_blob,
    }.items():
        found += [f"{what}: {row[0]} {row[1]}" for row in board.query(statement)]
    return found


def repeated_calls(board: Board) -> list[tuple[Any, ...]]:
    """Finished calls that were paid twice: session, node, persona, number of times."""
    return board.query(
        "SELECT session_id, node, persona, count(*) FROM llm_llmcall WHERE status = 'finished' AND session_id IS NOT"
        " NULL GROUP BY session_id, node, persona, task_id, call_no HAVING count(*) > 1"
    )


def in_flight(board: Board, ids: list[str] | None = None) -> int:
    """Calls that have been started and not settled, of these sessions or of all. A dead one's stay so for a while."""
    [(count,)] = board.query(
        "SELECT count(*) FROM llm_llmcall WHERE status = 'started' AND (%s::uuid[] IS NULL OR session_id = ANY(%s))",
        ids,
        ids,
    )
    return int(count)


def started_twice(board: Board) -> int:
    """Calls started beyond one for each question that the sessions had: what a kill cost."""
    return int(
        board.query(
            "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM llm_llmcall WHERE session_id IS NOT NULL"
            " GROUP BY session_id, node, persona, task_id, call_no) AS asked"
        )[0][0]
    )


def report(board: Board, session: str) -> str:
    """Everything a reader of the result sees, in one text that two equal runs share."""
    story: dict[str, Any] = {}
    for table, columns in {
        "contribution": "key, name, option, claim, reasons::text, conditions::text, response, confidence",
        "recommendation": "key, name, option, recommendation, confidence, reasons::text",
        "memo": "key, recommendation, confidence, rationale, dissent::text, conditions::text",
        "actionproposal": "key, title, what, owner, due_in_days",
    }.items():
        story[table] = board.query(
            f"SELECT {columns} FROM board_{table} WHERE session_id = %s::uuid AND NOT superseded ORDER BY key", session
        )
    return json.dumps(story, default=str, indent=1)


def kill_after_answers(board: Board, command: list[str], moments: Iterable[int]) -> set[tuple[Any, ...]]:
    """Start ``command`` and SIGKILL it once so many calls are finished, for each of ``moments``; every kill keeps what
    was stored before it, and finds more. Returns what was stored at the last one: session and key of each answer."""
    stored: set[tuple[Any, ...]] = set()
    for moment in moments:
        victim = board.start("victim", command)

        def far_enough(moment: int = moment, victim: Any = victim) -> bool:
            assert victim.poll() is None, f"it ended too early:\n{board.log('victim')[-3000:]}"
            return int(board.query(FINISHED)[0][0]) >= moment

        wait_until(far_enough, seconds=120, what=f"{moment} answers")
        board.kill("victim", signal.SIGKILL)
        kept = set(board.query("SELECT session_id, key FROM llm_answer"))
        assert stored < kept
        stored = kept
    return stored


def percentile(values: list[float], share: float) -> float:
    """The value that a ``share`` of ``values`` does not exceed; 0 when there are none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0
