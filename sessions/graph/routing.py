"""Where the deliberation goes next: pure functions of the state and of the readings of past rounds.

No function here raises or asks: a router that raises after its node has written would end a resumed run in silence.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from langgraph.types import Send

from sessions.graph.state import Outcome, ReadingState, State, Turn

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
class Verdict:
    """``rule`` is the name of what decided; ``reason`` a sentence for the owner; ``guidance`` for the next round."""

    decision: Literal["continue", "vote"]
    rule: str
    reason: str
    guidance: str = ""


def verdict(
    readings: Sequence[ReadingState],
    *,
    max_rounds: int,
    asked: Literal["continue", "vote"],
    reason: str = "",
    guidance: str = "",
) -> Verdict:
    """Whether the board goes on after the newest of ``readings`` (one a round, in order).

    The first rule that applies decides. Nobody votes after the independent first round unless it is the only one:
    agreement among people who have not heard each other is worth one round of objections.

    round cap    max_rounds are done
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
    if number < 2:
        return Verdict(
            "continue",
            "independence",
            reason
            if asked == "continue" and reason
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
    stalled = _running(readings, lambda item: item["conflict"] > STALLED_CONFLICT and item["novelty"] < STALLED_NOVELTY)
    if stalled >= STALLED_STOP:
        return Verdict(
            "vote", "stalled", f"The same disagreement was repeated for {stalled} rounds; more talk will not settle it."
        )
    if _running(readings, lambda item: item["shift"] == 0.0 and item["agreement"] <= CONSENSUS) >= DEADLOCK_AFTER:
        return Verdict("vote", "deadlock", f"Nobody has moved for {DEADLOCK_AFTER} rounds.")
    if asked == "vote":
        return Verdict("vote", "facilitator", reason or "The facilitator finds the board ready.")
    if stalled >= STALLED_GUIDE:
        return Verdict("continue", "guided", reason or "The disagreement repeats itself.", GUIDE_STALLED)
    return Verdict("continue", "facilitator", reason or "There is more to settle.", guidance)


def rounds_for(complexity: int, cap: int) -> int:
    """How many rounds a decision deserves: 3 to 6 by complexity (1–10), never above the owner's cap, at least 1."""
    wanted = 3 if complexity <= 3 else 4 if complexity <= 6 else 5 if complexity <= 8 else 6
    return max(1, min(wanted, cap))


def seats_for(complexity: int) -> int:
    """How many people a decision deserves: 3 to 5 by complexity (1–10)."""
    return 3 if complexity <= 3 else 4 if complexity <= 6 else 5


def quorum(seats: int) -> int:
    """How many of the board must have spoken for the deliberation to go on: half, and at least two."""
    return min(seats, max(2, (seats + 1) // 2))


def heard(turns: dict[str, Outcome], keys: Sequence[str]) -> list[str]:
    """Those of ``keys`` whose turn was taken."""
    return [key for key in keys if turns.get(key, {}).get("spoke")]


def _running(readings: Sequence[ReadingState], holds: Callable[[ReadingState], bool]) -> int:
    """In how many of the last rounds without a break ``holds``."""
    count = 0
    for item in reversed(readings):
        if not holds(item):
            break
        count += 1
    return count


def after_frame(state: State) -> str:
    return "clarify" if state.get("questions") and not state.get("asked") else "decompose"


def to_personas(state: State) -> list[Send]:
    """Everybody on the board of the open sub-problem speaks in the open round."""
    return [Send("persona", turn(state, slug, state["round"])) for slug in board(state)]


def after_assess(state: State) -> str | list[Send]:
    if state.get("recall"):
        return [Send("persona", turn(state, slug, state["round"])) for slug in state["recall"]]
    if state.get("decision") == "continue":
        return "open_round"
    return [Send("vote", turn(state, slug, 0)) for slug in board(state)]


def after_tally(state: State) -> str | list[Send]:
    if state.get("recall"):
        return [Send("vote", turn(state, slug, 0)) for slug in state["recall"]]
    return "select" if state["sub_problem"] < state["parts"] else "synthesis"


def board(state: State) -> list[str]:
    return state["seats"][str(state["sub_problem"])]


def turn(state: State, persona: str, round_: int) -> Turn:
    return {
        "sub_problem": state["sub_problem"],
        "round": round_,
        "of": state["max_rounds"],
        "persona": persona,
        "frame": state["frame"],
        "clarification": state.get("clarification", []),
    }
