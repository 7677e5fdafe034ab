"""SE2: a session that another release has checkpointed goes on, or fails with an error that says what to do."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg.types.json import Json

from bo1site.resilience import faults
from sessions.graph.saver import Saver
from tests.chaos.kit import damage, repeated_calls, start_sessions
from tests.engine.test_crash_atomicity import CarryOn, carry_on, product, status
from tests.live import Board

__all__ = ["carry_on", "product"]
pytestmark = pytest.mark.chaos

Change = Callable[[dict[str, Any]], None]


def interrupted(product: Board, carry_on: CarryOn, armed: Path) -> str:
    """A session whose process died right after the board was chosen."""
    (session,) = start_sessions(product, 1, rounds=1)
    faults.arm(armed, "saver.put.after_commit", "kill 4")
    assert carry_on(session, armed) == -signal.SIGKILL
    return session


def rewrite(product: Board, session: str, change: Change) -> None:
    """Change the frame in the newest checkpoint to what the other release would have stored, its body too."""
    serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    with psycopg.connect(product.database_url) as connection:
        row = connection.execute(
            "SELECT id, body FROM board_checkpoint WHERE thread_id = %s AND checkpoint_ns = ''"
            " ORDER BY checkpoint_id DESC LIMIT 1",
            [session],
        ).fetchone()
        assert row is not None
        place = [session, row[1]["channel_versions"]["frame"]]
        where = "thread_id = %s AND checkpoint_ns = '' AND channel = 'frame' AND version = %s"
        stored = connection.execute(f"SELECT type, blob FROM board_checkpointblob WHERE {where}", place).fetchone()
        assert stored is not None
        frame = serde.loads_typed((stored[0], bytes(stored[1])))
        change(frame)
        kind, blob = serde.dumps_typed(frame)
        connection.execute(f"UPDATE board_checkpointblob SET type = %s, blob = %s WHERE {where}", [kind, blob, *place])
        # A channel and a field that this release does not know.
        version = Saver().get_next_version(None, None)
        connection.execute(
            "INSERT INTO board_checkpointblob (thread_id, checkpoint_ns, channel, version, type, blob)"
            " VALUES (%s, '', 'mood', %s, %s, %s)",
            [session, version, *serde.dumps_typed("calm")],
        )
        body = {**row[1], "kept_by": "another release"}
        body["channel_versions"] = {**body["channel_versions"], "mood": version}
        connection.execute("UPDATE board_checkpoint SET body = %s WHERE id = %s", [Json(body), row[0]])


def test_fields_and_channels_that_are_not_known_any_more_are_no_obstacle(
    product: Board, carry_on: CarryOn, tmp_path: Path
) -> None:
    session = interrupted(product, carry_on, tmp_path)
    rewrite(product, session, lambda frame: frame.update(tone="formal"))
    assert carry_on(session) == 0
    assert status(product, session) == "completed"
    assert damage(product) == []
    assert repeated_calls(product) == []


def test_a_field_that_was_not_stored_yet_ends_in_a_failure_that_says_what_to_do(
    product: Board, carry_on: CarryOn, tmp_path: Path
) -> None:
    session = interrupted(product, carry_on, tmp_path)
    rewrite(product, session, lambda frame: frame.pop("question"))
    carry_on(session)
    [(ended, failure)] = product.query("SELECT status, failure FROM board_session WHERE id = %s::uuid", session)
    assert ended == "failed"
    assert (failure["code"], failure["recoverable"]) == ("state_mismatch", True)
    assert "Retry from an earlier step" in failure["message"]
