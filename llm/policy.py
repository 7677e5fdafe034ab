"""What to do after a failed attempt: a pure function of the failure and of what was tried before.

| condition                       | decision                                                          |
|---------------------------------|-------------------------------------------------------------------|
| account (key, quota, model)     | the other provider at once                                        |
| overloaded                      | one jittered retry, then the other provider                       |
| rate limited                    | wait as asked if it fits the deadline, else the other provider    |
| transient                       | three retries with full jitter, then the other provider           |
| circuit open                    | the other provider at once                                        |
| invalid answer                  | one repair attempt, then give up                                  |
| answer cut at the token limit   | one attempt with twice the room, then give up                     |
| bad request, refusal, context   | give up: neither a retry nor another provider may help            |
"""

from dataclasses import dataclass, replace

from llm.errors import Action, Condition, LLMError


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in seconds. ``least`` is the time below which another attempt is not worth beginning."""

    retries: int = 3
    overload_retries: int = 1
    base: float = 1.0
    cap: float = 30.0
    least: float = 0.25
    #: Share of a call's deadline that one provider may use while another one waits behind it.
    share: float = 0.6


@dataclass(frozen=True, slots=True)
class Progress:
    """What was tried on the provider at hand."""

    retries: int = 0
    repaired: bool = False
    enlarged: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """``time_left`` in seconds for this provider; ``other`` when another provider can be asked instead."""

    time_left: float
    other: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """``delay`` in seconds before the next attempt on the same provider."""

    action: Action
    delay: float = 0.0


def decide(error: LLMError, progress: Progress, situation: Situation, rules: Rules, jitter: float) -> Decision:
    """``jitter`` is a random number from 0 (inclusive) to 1 (exclusive)."""
    elsewhere = Decision(Action.FALL_BACK if situation.other else Action.GIVE_UP)
    match error.condition:
        case Condition.ACCOUNT | Condition.CIRCUIT_OPEN:
            return elsewhere
        case Condition.OVERLOADED | Condition.RATE_LIMITED | Condition.TRANSIENT:
            limit = rules.overload_retries if error.condition is Condition.OVERLOADED else rules.retries
            if progress.retries >= limit:
                return elsewhere
            delay = wait(error.retry_after, progress.retries, rules, jitter)
            too_long = situation.other and delay > rules.cap
            if too_long or delay + rules.least > situation.time_left:
                return elsewhere
            return Decision(Action.RETRY, delay)
        case Condition.INVALID_ANSWER if not progress.repaired and situation.time_left > rules.least:
            return Decision(Action.REPAIR)
        case Condition.CUT if not progress.enlarged and situation.time_left > rules.least:
            return Decision(Action.ENLARGE)
        case _:
            return Decision(Action.GIVE_UP)


def wait(retry_after: float | None, retries: int, rules: Rules, jitter: float) -> float:
    """Seconds before the next attempt: what the provider asks for, else exponential with full jitter.

    A wait that was asked for is lengthened by up to a tenth (at most a second), so that the callers it sends away
    do not all come back in the same instant.
    """
    if retry_after is not None:
        return retry_after + jitter * min(1.0, retry_after / 10)
    return jitter * min(rules.cap, rules.base * 2.0**retries)


def advance(progress: Progress, action: Action) -> Progress:
    """Progress after a decision was carried out."""
    match action:
        case Action.RETRY:
            return replace(progress, retries=progress.retries + 1)
        case Action.REPAIR:
            return replace(progress, repaired=True)
        case Action.ENLARGE:
            return replace(progress, enlarged=True)
        case _:
            return progress


def time_for(provider_index: int, providers: int, elapsed: float, deadline: float, rules: Rules) -> float:
    """Seconds left for a provider: all that is left for the last one, a share of it while others stand behind."""
    left = deadline - elapsed
    return left if provider_index >= providers - 1 else min(left, deadline * rules.share - elapsed)
