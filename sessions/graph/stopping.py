"""When a board has debated enough: pure rules over what was measured of its rounds.

No rule here raises or asks anybody. What the facilitator wishes is one of them, and not the strongest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sessions.graph.state import ReadingState

Decision = Literal["continue", "moderate", "clarify", "vote"]

CONVERGED, EXHAUSTED = 0.85, 0.30
CONSENSUS, PARTICIPATION = 0.90, 0.80
STALLED_CONFLICT, STALLED_NOVELTY = 0.70, 0.40
STALLED_GUIDE, STALLED_STOP = 2, 3
DEADLOCK_AFTER = 2

GUIDE_STALLED = (
    "The disagreement repeats itself. Name the single fact or test that would decide between the leading options, say"
    " what each answer would mean for your position, and drop what you have already argued."
)


@dataclass(frozen=True, slots=True)
class Means:
    """What is left, and what another round and the rest of the way would take; None where nothing limits it.

    Money in US dollars, time in seconds. Estimates come from the session's own calls so far.
    """

    money_left: float | None = None
    money_for_round: float = 0.0
    money_to_end: float = 0.0
    seconds_left: float | None = None
    seconds_for_round: float = 0.0
    seconds_to_end: float = 0.0


UNLIMITED = Means()


@dataclass(frozen=True, slots=True)
class Verdict:
    """``rule`` is the name of what decided; ``reason`` a sentence for the owner; ``guidance`` for the next round."""

    decision: Decision
    rule: str
    reason: str
    guidance: str = ""


def verdict(
    readings: Sequence[ReadingState],
    *,
    max_rounds: int,
    asked: Decision,
    reason: str = "",
    guidance: str = "",
    means: Means = UNLIMITED,
) -> Verdict:
    """Whether the board goes on after the newest of ``readings`` (one a round, in order): ``continue`` or ``vote``.

    The first rule that applies decides. Nobody votes after the independent first round unless it is the only one or
    there is no money or time for another: agreement among people who have not heard each other is worth one round of
    objections.

    round cap    max_rounds are done
    budget       what is left of the cap does not pay another round and the way to the memo
    deadline     what is left of the time does not suffice for them
    consensus    agreement > 0.90 with participation ≥ 0.80, from round 2
    convergence  convergence > 0.85 with novelty < 0.30, from round 2
    stalled      conflict > 0.70 with novelty < 0.40 in 3 rounds running (after 2 the next round is guided)
    deadlock     nobody moved in 2 rounds running although they disagree
    facilitator  the facilitator asks for the vote, from round 2
    """
    now = readings[-1]
    number = now["round"]
    if number >= max_rounds:
        return Verdict(
            "vote", "round cap", f"All {max_rounds} rounds are done." if max_rounds > 1 else "One round was asked for."
        )
    if means.money_left is not None and means.money_left < means.money_for_round + means.money_to_end:
        return Verdict(
            "vote", "budget", "What is left of the cost cap pays for the recommendations and the memo, no more rounds."
        )
    if means.seconds_left is not None and means.seconds_left < means.seconds_for_round + means.seconds_to_end:
        return Verdict(
            "vote", "deadline", "The time that is left suffices for the recommendations and the memo, no more rounds."
        )
    if number < 2:
        return Verdict(
            "continue",
            "independence",
            reason
            if asked != "vote" and reason
            else "Everybody has now spoken without"
            " hearing the others; the positions have yet to be tested against each other.",
            guidance,
        )
    if now["agreement"] > CONSENSUS and now["participation"] >= PARTICIPATION:
        return Verdict("vote", "consensus", f"{now['agreement']:.0%} of the board's confidence is behind one option.")
    if now["convergence"] > CONVERGED and now["novelty"] < EXHAUSTED:
        return Verdict(
            "vote",
            "convergence",
            f"The positions have converged ({now['convergence']:.2f}) and little new was said ({now['novelty']:.2f}).",
        )
    stalled = running(readings, is_stalled)
    if stalled >= STALLED_STOP:
        return Verdict(
            "vote", "stalled", f"The same disagreement was repeated for {stalled} rounds; more talk will not settle it."
        )
    if running(readings, lambda item: item["shift"] == 0.0 and item["agreement"] <= CONSENSUS) >= DEADLOCK_AFTER:
        return Verdict("vote", "deadlock", f"Nobody has moved for {DEADLOCK_AFTER} rounds.")
    if asked == "vote":
        return Verdict("vote", "facilitator", reason or "The facilitator finds the board ready.")
    if stalled >= STALLED_GUIDE:
        return Verdict("continue", "guided", reason or "The disagreement repeats itself.", GUIDE_STALLED)
    return Verdict("continue", "facilitator", reason or "There is more to settle.", guidance)


def is_stalled(item: ReadingState) -> bool:
    """Disagreement that says nothing new."""
    return item["conflict"] > STALLED_CONFLICT and item["novelty"] < STALLED_NOVELTY


def running(readings: Sequence[ReadingState], holds: Callable[[ReadingState], bool]) -> int:
    """In how many of the last rounds without a break ``holds``."""
    count = 0
    for item in reversed(readings):
        if not holds(item):
            break
        count += 1
    return count
