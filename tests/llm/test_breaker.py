"""The breaker's state machine, alone and beside purgatory's as an oracle (LM3)."""

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from purgatory.domain.model import Context, OpenedState

from bo1site.resilience import breaker
from bo1site.resilience.breaker import CLOSED, Admission, Fault, Phase, Rules, State

RULES = Rules(threshold=5, cooldown=60.0, account_cooldown=900.0, lease=75.0)


def opened(now: float = 0.0, fault: Fault = Fault.COUNTED, retry_after: float = 0.0) -> State:
    state = CLOSED
    for _ in range(RULES.threshold):
        state = breaker.failed(state, now, "caller", fault, RULES, retry_after=retry_after)
    return state


def half_open(now: float = 60.0) -> State:
    state, admission = breaker.admit(opened(), now, "prober", RULES)
    assert admission is Admission.PROBE
    return state


def test_it_opens_at_the_threshold_and_refuses() -> None:
    state = opened()
    assert state.phase is Phase.OPEN
    assert breaker.admit(state, 59.9, "caller", RULES)[1] is Admission.REFUSED
    assert breaker.retry_in(state, 50.0) == 10.0


def test_a_success_in_between_starts_the_count_again() -> None:
    state = CLOSED
    for _ in range(20):
        for _ in range(RULES.threshold - 1):
            state = breaker.failed(state, 0, "caller", Fault.COUNTED, RULES)
        state = breaker.succeeded(state, "caller")
    assert state == CLOSED


def test_one_account_failure_opens_it_for_long() -> None:
    state = breaker.failed(CLOSED, 0, "caller", Fault.ACCOUNT, RULES)
    assert (state.phase, state.open_until) == (Phase.OPEN, 900.0)


def test_rate_limits_keep_it_open_for_as_long_as_the_provider_asked() -> None:
    assert opened(fault=Fault.RATE_LIMIT, retry_after=300.0).open_until == 300.0
    assert opened(fault=Fault.RATE_LIMIT, retry_after=1e9).open_until == RULES.longest_cooldown


def test_only_one_caller_probes() -> None:
    state = half_open()
    for number in range(50):
        state, admission = breaker.admit(state, 61.0, f"other-{number}", RULES)
        assert admission is Admission.REFUSED


def test_a_successful_probe_closes_it() -> None:
    assert breaker.succeeded(half_open(), "prober") == CLOSED


def test_a_failed_probe_opens_it_again() -> None:
    state = breaker.failed(half_open(), 62.0, "prober", Fault.COUNTED, RULES)
    assert (state.phase, state.open_until) == (Phase.OPEN, 122.0)


def test_a_released_probe_is_taken_by_the_next_caller() -> None:
    state = breaker.released(half_open(), "prober")
    assert breaker.admit(state, 61.0, "other", RULES)[1] is Admission.PROBE


def test_a_probe_whose_process_died_is_taken_over_when_its_lease_ends() -> None:
    state = half_open(60.0)
    assert breaker.admit(state, 134.9, "other", RULES)[1] is Admission.REFUSED
    assert breaker.admit(state, 135.0, "other", RULES)[1] is Admission.PROBE


def test_answers_to_earlier_calls_change_nothing_once_it_is_open() -> None:
    for state in (opened(), half_open()):
        assert breaker.succeeded(state, "earlier") == state
        assert breaker.failed(state, 61.0, "earlier", Fault.ACCOUNT, RULES) == state
        assert breaker.released(state, "earlier") == state


class BreakerMachine(RuleBasedStateMachine):
    """Many callers at once: whatever they do, at most one probes, and a breaker always finds back."""

    @initialize(threshold=st.integers(1, 7), cooldown=st.floats(0.1, 100), lease=st.floats(0.1, 100))
    def begin(self, threshold: int, cooldown: float, lease: float) -> None:
        self.rules = Rules(threshold=threshold, cooldown=cooldown, account_cooldown=cooldown * 10, lease=lease)
        self.state = CLOSED
        self.now = 0.0
        self.number = 0
        self.calls: dict[str, float | None] = {}  # caller -> when its probe's lease ends, None for ordinary calls
        self.in_a_row = 0

    @rule(seconds=st.floats(0, 200))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_caller_asks(self) -> None:
        self.number += 1
        caller = f"caller-{self.number}"
        before = self.state
        self.state, admission = breaker.admit(self.state, self.now, caller, self.rules)
        if admission is Admission.REFUSED:
            assert self.state == before
            assert breaker.retry_in(self.state, self.now) > 0
        elif admission is Admission.PASS:
            assert before.phase is Phase.CLOSED
            self.calls[caller] = None
        else:
            assert before.phase is not Phase.CLOSED
            assert not self.living_probes(), "two probes at once"
            self.calls[caller] = self.now + self.rules.lease

    def living_probes(self) -> list[str]:
        return [
            caller
            for caller, until in self.calls.items()
            if until is not None and self.now < until and self.state.probe == caller
        ]

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), outcome=st.sampled_from(["success", "released", *Fault]), retry_after=st.floats(0, 50))
    def a_call_ends(self, data: st.DataObject, outcome: str, retry_after: float) -> None:
        caller = data.draw(st.sampled_from(sorted(self.calls)))
        probing = self.state.phase is Phase.HALF_OPEN and self.state.probe == caller
        before = self.state
        del self.calls[caller]
        if outcome == "success":
            self.state = breaker.succeeded(self.state, caller)
        elif outcome == "released":
            self.state = breaker.released(self.state, caller)
        else:
            self.state = breaker.failed(
                self.state, self.now, caller, Fault(outcome), self.rules, retry_after=retry_after
            )
        if before.phase is Phase.CLOSED:
            self.in_a_row = 0 if outcome == "success" else self.in_a_row + (outcome != "released")
            must_open = self.in_a_row >= self.rules.threshold or outcome == Fault.ACCOUNT
            assert (self.state.phase is Phase.OPEN) == must_open
        elif not probing:
            assert self.state == before
        else:
            expected = {"success": Phase.CLOSED, "released": Phase.HALF_OPEN}.get(outcome, Phase.OPEN)
            assert self.state.phase is expected
        if self.state.phase is not Phase.CLOSED:
            self.in_a_row = 0

    @rule(seconds=st.floats(0.1, 500))
    def staff_trip_it(self, seconds: float) -> None:
        self.state = breaker.tripped(self.now, seconds, "drill")
        self.in_a_row = 0

    @rule()
    def staff_reset_it(self) -> None:
        self.state = CLOSED
        self.in_a_row = 0

    @invariant()
    def it_always_finds_back(self) -> None:
        if not hasattr(self, "state"):
            return
        later = self.now + breaker.retry_in(self.state, self.now) + 1e-6  # the sum of two floats may fall short
        state, admission = breaker.admit(self.state, later, "finder", self.rules)
        assert admission is not Admission.REFUSED
        assert breaker.succeeded(state, "finder") == CLOSED


BreakerMachine.TestCase.settings = settings(max_examples=3000, stateful_step_count=25, deadline=None)
test_many_callers_at_once_never_break_it = BreakerMachine.TestCase


steps = st.lists(
    st.tuples(st.sampled_from(["success", "failure"]), st.floats(0, 40).map(lambda seconds: round(seconds, 3))),
    max_size=60,
)


@settings(max_examples=2500, deadline=None)
@given(steps=steps, threshold=st.integers(1, 6), ttl=st.integers(1, 60))
def test_one_caller_after_another_sees_what_purgatory_shows(
    steps: list[tuple[str, float]], threshold: int, ttl: int
) -> None:
    """With calls that do not overlap, both open at the threshold, refuse as long, and half-open to the same end."""
    rules = Rules(threshold=threshold, cooldown=ttl, account_cooldown=ttl, lease=75.0)
    oracle, state, now = Context("oracle", threshold, ttl), CLOSED, 1000.0
    with patch("purgatory.domain.model.time.time", lambda: now):
        for number, (outcome, seconds) in enumerate(steps):
            now = round(now + seconds, 3)
            if state.phase is Phase.OPEN and now == state.open_until:
                now += 0.001  # at this very instant ours lets in and purgatory does not
            caller = f"caller-{number}"
            state, admission = breaker.admit(state, now, caller, rules)
            try:
                oracle.handle_new_request()
            except OpenedState:
                assert admission is Admission.REFUSED
                continue
            assert admission is not Admission.REFUSED
            if outcome == "success":
                oracle.handle_end_request()
                state = breaker.succeeded(state, caller)
            else:
                oracle.handle_exception(RuntimeError())
                state = breaker.failed(state, now, caller, Fault.COUNTED, rules)
            assert {"closed": Phase.CLOSED, "opened": Phase.OPEN}[oracle.state] is state.phase
