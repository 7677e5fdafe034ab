"""SIGKILL amid sub-problems that are debated side by side: nothing is lost, nothing paid twice (SE1, SE5)."""

from pathlib import Path

import pytest

from tests.chaos.kit import damage, kill_after_answers, repeated_calls
from tests.graph.test_broken_part import HARD
from tests.graph.test_over_http import CHOICES, PROBLEM
from tests.live import board

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

#: Enough at stake for three parts.
_BRING = f"""
from django.contrib.auth import get_user_model
from sessions.services.start import Decision, create, start
owner, _ = get_user_model().objects.get_or_create(username="ada")
session = create(owner, Decision({PROBLEM!r}, options={CHOICES!r}, constraints={HARD!r}, max_rounds=2))
start(session)
print("ID", session.pk)
"""


def test_a_decision_of_three_parts_survives_kills_in_the_middle_of_them(tmp_path: Path) -> None:
    with board(tmp_path, latency="0.02-0.08", web=False, worker=False) as running:
        session = running.script(_BRING).partition("ID ")[2].split()[0]
        moments = (12, 36)  # among first answers, and among votes
        stored = kill_after_answers(running, ["manage.py", "run_sessions"], moments)
        running.manage("run_sessions")
        assert running.query("SELECT status FROM board_session WHERE id = %s", session) == [("completed",)]
        settled = "SELECT count(*) FROM board_event WHERE session_id = %s AND type = 'part_settled' AND NOT superseded"
        assert running.query(settled, session) == [(3,)]
        assert damage(running) == []
        assert repeated_calls(running) == [], "a finished call was paid twice"
        assert stored <= set(running.query("SELECT session_id, key FROM llm_answer"))
