"""SE9: the status machine under random interleavings of commands, crashes and deliveries."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sessions import events
from sessions.graph import drafts
from sessions.graph.saver import Saver
from sessions.models import Event, Status
from sessions.runner import lease
from sessions.runner.lease import Claim
from sessions.runner.outcome import Outcome, failed, settle
from sessions.services import control, watch
from sessions.services.recovery import CannotResume, resume_session_from_checkpoint
from sessions.services.start import Decision, create, start
from sessions.transitions import TRANSITIONS, IllegalTransition
from tests.conftest import PROBLEM
from tests.engine.lab import contribution, expire_lease

FINAL = {status for status, after in TRANSITIONS.items() if not after}


@contextmanager
def refused() -> Iterator[None]:
    """A command may be refused, in words; it may not break."""
    with suppress(IllegalTransition, CannotResume, control.InvalidWord):
        yield


class Machine(RuleBasedStateMachine):
    """One session, its owner, and any number of runners of which some are dead and do not know it."""

    claims: list[Claim]

    @initialize()
    def begin(self) -> None:
        self.owner, _ = get_user_model().objects.get_or_create(username="machine")
        self.session = create(self.owner, Decision(PROBLEM))
        self.claims, self.seen, self.turn = [], [Status.CREATED.value], 0

    @rule()
    def start(self) -> None:
        with refused():
            start(self.session, actor=self.owner)

    @rule()
    def pause(self) -> None:
        with refused():
            control.pause(self.session, self.owner)

    @rule()
    def resume(self) -> None:
        with refused():
            control.resume(self.session, self.owner)

    @rule()
    def kill(self) -> None:
        with refused():
            control.kill(self.session, self.owner)

    @rule()
    def answer(self) -> None:
        with refused():
            control.answer(self.session, self.owner, ["yes"])

    @rule()
    def retry(self) -> None:
        with refused():
            resume_session_from_checkpoint(self.session.pk, actor=self.owner)

    @rule()
    def claim(self) -> None:
        self.claims += lease.claim(f"host/0:{len(self.claims)}:x", 1, only=self.session.pk)

    @rule()
    def crash(self) -> None:
        expire_lease(self.session)

    @rule()
    def watch(self) -> None:
        watch.sweep()

    @rule()
    def step(self) -> None:
        """Every runner that ever held the session writes a step; only the newest may succeed."""
        self.turn += 1
        for claim in self.claims:
            self._write(claim, contribution(f"t{self.turn}", 1, "p"))

    @rule()
    def finish(self) -> None:
        for claim in self.claims:
            self._write(claim, [drafts.end("Stay", 0.5)])

    @rule()
    def rest(self) -> None:
        for outcome in (Outcome("paused"), Outcome("waiting", questions=["?"], interrupt_id=f"i{self.turn}")):
            for claim in self.claims[:-1]:
                assert settle(claim, outcome) in ("lost", "completed", "killed")
        if self.claims:
            settle(self.claims[-1], Outcome("waiting", questions=["?"], interrupt_id=f"i{self.turn}"))

    @rule()
    def release(self) -> None:
        for claim in self.claims:
            settle(claim, Outcome("released"))

    @rule()
    def fail(self) -> None:
        for claim in self.claims:
            settle(claim, failed("provider_unreachable", "Nobody answers.", recoverable=True))

    def _write(self, claim: Claim, said: list[drafts.Draft]) -> None:
        self.session.refresh_from_db()
        holds = claim.fence == self.session.fence and self.session.status == Status.RUNNING
        config: Any = {"configurable": {"thread_id": str(claim.session_id), "fence": claim.fence}}
        checkpoint: Any = {
            "v": 2,
            "id": f"{self.turn:08}-{claim.fence:08}",
            "ts": "",
            "channel_values": {"outbox": said},
            "channel_versions": {},
            "versions_seen": {},
            "updated_channels": None,
        }
        try:
            Saver().put(config, checkpoint, {"source": "loop", "step": self.turn}, {})
            assert holds, "a runner without the session wrote"
        except events.LeaseLost:
            assert not holds, "the holder was refused"

    @invariant()
    def the_story_is_whole_and_legal(self) -> None:
        if not hasattr(self, "session"):
            return
        self.session.refresh_from_db()
        rows = list(Event.objects.filter(session=self.session).order_by("sequence").values_list("sequence", "type"))
        assert [number for number, _ in rows] == list(range(1, self.session.last_sequence + 1))
        said = [STATUS_OF[kind] for _, kind in rows if kind in STATUS_OF]
        for before, after in pairwise(said):
            if (before, after) != (Status.RUNNING, Status.RUNNING):  # a take-over
                assert after in TRANSITIONS[before], f"{before} → {after}"
        assert said[-1] == self.session.status
        assert sum(status in FINAL for status in said) <= 1
        if self.session.status != Status.RUNNING:
            assert (self.session.lease_owner, self.session.lease_until) == ("", None)


STATUS_OF = {
    "session_created": Status.CREATED,
    "session_queued": Status.QUEUED,
    "session_started": Status.RUNNING,
    "session_resumed": Status.RUNNING,
    "session_waiting": Status.WAITING,
    "session_paused": Status.PAUSED,
    "session_completed": Status.COMPLETED,
    "session_failed": Status.FAILED,
    "session_killed": Status.KILLED,
}


@pytest.mark.django_db(transaction=True)
def test_no_interleaving_of_commands_crashes_and_deliveries_breaks_the_machine() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
