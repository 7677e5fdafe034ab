"""SE3, SE7: every verb from a terminal, through the services that pages and API call."""

from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from sessions.management.commands.session import VERBS
from sessions.models import AuditEntry, Event, Session
from tests.engine.lab import Lab, after_step, failed_at, status, story, until

Queued = Callable[[], Session]


def run(*args: Any) -> str:
    said = StringIO()
    call_command("session", *map(str, args), stdout=said)
    return said.getvalue()


def test_a_running_session_is_told_to_pause_and_goes_on_when_told_so(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.hold(1)
    with lab.running():
        until(lambda: lab.begun(1) == 2)
        assert "running, asked to pause" in run("pause", session.pk, "--reason", "lunch")
        lab.release(1)
        until(lambda: status(session) == "paused")
    assert lab.begun(2) == 0
    assert "in line" in run("resume", session.pk)
    lab.run_to_rest()
    assert status(session) == "completed"
    entry = AuditEntry.objects.get(action="pause")
    assert (entry.actor_id, entry.reason) == (None, "lunch")
    assert entry.actor.endswith("(command line)")


def test_what_is_said_and_answered_reaches_the_board(lab: Lab, queued: Queued) -> None:
    session = queued()
    lab.ask_at = {1}
    run("interject", session.pk, "Mind", "the budget")
    lab.run_to_rest()
    assert status(session) == "waiting"
    run("answer", session.pk, "the blue one")
    lab.run_to_rest()
    assert status(session) == "completed"
    assert lab.heard[1] == {("Mind the budget",)}
    assert session.events.get(type="session_completed").data["recommendation"] == "the blue one"


def test_a_failed_session_goes_back_to_an_older_step(forkable: Lab, queued: Queued) -> None:
    lab, session = forkable, queued()
    failed_at(lab, session, 2)
    run("retry", session.pk, "--checkpoint", after_step(session, 1), "--afresh")
    session.refresh_from_db()
    assert (session.status, session.think_afresh) == ("queued", True)
    lab.run_to_rest()
    assert status(session) == "completed"
    story(session)


def test_kill_all_stops_what_is_not_over_and_says_what_it_left_alone(lab: Lab, queued: Queued) -> None:
    done = queued()
    lab.run_to_rest()
    waiting, running = queued(), queued()
    lab.hold(1)
    with lab.running():
        until(lambda: lab.begun(1, running) == 2)
        assert run("kill-all", "--reason", "the wrong key was used").startswith("2 stopped, 0 left alone.")
        until(lambda: len(lab.cancelled) == 4)
    assert [status(row) for row in (done, waiting, running)] == ["completed", "killed", "killed"]
    assert set(Event.objects.filter(type="session_killed").values_list("data__reason", flat=True)) == {
        "the wrong key was used"
    }


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("answer", "interject")])
def test_what_cannot_be_done_is_an_error_with_a_code(verb: str, queued: Queued) -> None:
    with pytest.raises(CommandError, match="not_found"):
        run(verb, uuid4())
    session = queued()
    run("kill", session.pk)
    if verb != "kill":
        with pytest.raises(CommandError, match="illegal_transition"):
            run(verb, session.pk)
    assert status(session) == "killed"


def test_an_answer_nobody_asked_for_is_an_error(queued: Queued) -> None:
    with pytest.raises(CommandError, match="illegal_transition"):
        run("answer", queued().pk, "yes")
