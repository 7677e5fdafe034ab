"""The policy decides by condition, and never for ever (LM1, LM4)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.errors import Action, Condition, LLMError
from llm.policy import Progress, Rules, Situation, advance, decide, time_for, wait

RULES = Rules()
ROOMY = Situation(time_left=180.0, other=True)
ALONE = Situation(time_left=180.0, other=False)
HOPELESS = (Condition.BAD_REQUEST, Condition.REFUSED, Condition.CONTEXT, Condition.BUDGET, Condition.STORAGE)
RETRIED = (Condition.TRANSIENT, Condition.OVERLOADED, Condition.RATE_LIMITED)


def failure(condition: Condition, retry_after: float | None = None) -> LLMError:
    return LLMError("x", "x", condition=condition, retry_after=retry_after)


@pytest.mark.parametrize("condition", [Condition.ACCOUNT, Condition.CIRCUIT_OPEN])
def test_what_no_retry_can_help_goes_to_the_other_provider_at_once(condition: Condition) -> None:
    assert decide(failure(condition), Progress(), ROOMY, RULES, 0.5).action is Action.FALL_BACK
    assert decide(failure(condition), Progress(), ALONE, RULES, 0.5).action is Action.GIVE_UP


@pytest.mark.parametrize("condition", HOPELESS)
def test_a_wrong_request_and_a_refusal_are_never_asked_elsewhere(condition: Condition) -> None:
    assert decide(failure(condition), Progress(), ROOMY, RULES, 0.5).action is Action.GIVE_UP


@pytest.mark.parametrize(("condition", "retries"), [(Condition.TRANSIENT, 3), (Condition.OVERLOADED, 1)])
def test_retries_are_used_up_and_then_the_other_provider_is_asked(condition: Condition, retries: int) -> None:
    progress = Progress()
    for _ in range(retries):
        decision = decide(failure(condition), progress, ROOMY, RULES, 0.5)
        assert decision.action is Action.RETRY
        progress = advance(progress, decision.action)
    assert decide(failure(condition), progress, ROOMY, RULES, 0.5).action is Action.FALL_BACK


def test_a_wait_that_fits_the_deadline_is_honoured() -> None:
    decision = decide(failure(Condition.RATE_LIMITED, 20.0), Progress(), ROOMY, RULES, 0.0)
    assert (decision.action, decision.delay) == (Action.RETRY, 20.0)


def test_a_wait_that_does_not_fit_the_deadline_goes_to_the_other_provider_at_once() -> None:
    tight = Situation(time_left=6.0, other=True)
    assert decide(failure(Condition.RATE_LIMITED, 20.0), Progress(), tight, RULES, 0.0).action is Action.FALL_BACK


def test_a_wait_beyond_the_cap_is_endured_only_without_another_provider() -> None:
    assert decide(failure(Condition.RATE_LIMITED, 90.0), Progress(), ROOMY, RULES, 0.0).action is Action.FALL_BACK
    assert decide(failure(Condition.RATE_LIMITED, 90.0), Progress(), ALONE, RULES, 0.0).action is Action.RETRY


def test_an_invalid_answer_is_repaired_once() -> None:
    assert decide(failure(Condition.INVALID_ANSWER), Progress(), ROOMY, RULES, 0.5).action is Action.REPAIR
    repaired = Progress(repaired=True)
    assert decide(failure(Condition.INVALID_ANSWER), repaired, ROOMY, RULES, 0.5).action is Action.GIVE_UP


def test_a_cut_answer_gets_more_room_once() -> None:
    assert decide(failure(Condition.CUT), Progress(), ROOMY, RULES, 0.5).action is Action.ENLARGE
    assert decide(failure(Condition.CUT), Progress(enlarged=True), ROOMY, RULES, 0.5).action is Action.GIVE_UP


failures = st.builds(
    failure,
    st.sampled_from(list(Condition)),
    st.none() | st.floats(0, 100_000) | st.sampled_from([0.0, 1.0, 20.0, 30.0, 31.0]),
)
jitters = st.floats(0, 1, exclude_max=True)


@settings(max_examples=2500, deadline=None)
@given(
    failures=st.lists(st.tuples(failures, jitters), max_size=40),
    deadline=st.floats(0.01, 600),
    call_time=st.floats(0, 90),
    other=st.booleans(),
)
def test_every_sequence_of_failures_ends_within_its_bounds(
    failures: list[tuple[LLMError, float]], deadline: float, call_time: float, other: bool
) -> None:
    progress, clock, asked = Progress(), 0.0, 0
    for error, jitter in failures:
        asked += 1
        clock += min(call_time, max(0.0, deadline - clock))
        decision = decide(error, progress, Situation(deadline - clock, other), RULES, jitter)
        assert decision.delay >= 0
        assert decision.action is not Action.FALL_BACK or other
        if error.condition in HOPELESS:
            assert decision.action is Action.GIVE_UP
        if decision.action in (Action.GIVE_UP, Action.FALL_BACK):
            break
        if decision.action is Action.RETRY:
            assert error.condition in RETRIED
            assert error.retry_after is None or decision.delay >= error.retry_after
            assert decision.delay <= RULES.cap or not other
            assert clock + decision.delay < deadline
        else:
            assert decision.delay == 0
        clock += decision.delay
        progress = advance(progress, decision.action)
    assert asked <= 1 + RULES.retries + 2  # a repair and an enlargement on top of the retries
    assert clock <= deadline


@settings(max_examples=1500, deadline=None)
@given(retries=st.integers(0, 60), jitter=jitters, retry_after=st.none() | st.floats(0, 100_000))
def test_a_wait_is_never_shorter_than_asked_nor_longer_than_its_bound(
    retries: int, jitter: float, retry_after: float | None
) -> None:
    delay = wait(retry_after, retries, RULES, jitter)
    if retry_after is None:
        assert 0 <= delay <= min(RULES.cap, RULES.base * 2**retries)
    else:
        assert retry_after <= delay <= retry_after + 1


@settings(max_examples=1000, deadline=None)
@given(index=st.integers(0, 3), providers=st.integers(1, 4), elapsed=st.floats(0, 400), deadline=st.floats(0.01, 400))
def test_a_provider_with_another_behind_it_leaves_time_for_that_one(
    index: int, providers: int, elapsed: float, deadline: float
) -> None:
    left = time_for(index, providers, elapsed, deadline, RULES)
    assert left <= deadline - elapsed
    if index < providers - 1:
        assert deadline - (elapsed + max(0.0, left)) >= deadline * (1 - RULES.share) - 1e-6 or left <= 0
