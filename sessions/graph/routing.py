"""Where the deliberation goes next: pure functions of the state.

No function here raises or asks: a router that raises after its node has written would end a resumed run in silence.
"""

from collections.abc import Sequence

from langgraph.types import Send

from sessions.graph.state import Debate, Outcome, Result, State, Turn


def rounds_for(complexity: int, cap: int) -> int:
    """How many rounds a decision deserves: 3 to 6 by complexity (1–10), never above the owner's cap, at least 1."""
    wanted = 3 if complexity <= 3 else 4 if complexity <= 6 else 5 if complexity <= 8 else 6
    return max(1, min(wanted, cap))


def seats_for(complexity: int) -> int:
    """How many people a decision deserves: 3 to 5 by complexity (1–10)."""
    return 3 if complexity <= 3 else 4 if complexity <= 6 else 5


def parts_for(complexity: int) -> int:
    """In how many sub-problems a decision may be debated at most: 1 to 4 by complexity (1–10)."""
    return 1 if complexity <= 3 else 2 if complexity <= 5 else 3 if complexity <= 8 else 4


def quorum(seats: int) -> int:
    """How many of the board must have spoken for the deliberation to go on: half, and at least two."""
    return min(seats, max(2, (seats + 1) // 2))


def heard(turns: dict[str, Outcome], keys: Sequence[str]) -> list[str]:
    """Those of ``keys`` whose turn was taken."""
    return [key for key in keys if turns.get(key, {}).get("spoke")]


# -- the deliberation ------------------------------------------------------------------------------------------------


def after_frame(state: State) -> str:
    return "clarify" if state.get("questions") and not state.get("asked") else "decompose"


def to_selection(state: State) -> list[Send]:
    """Every sub-problem is given its board, side by side."""
    return [
        Send(
            "select",
            {
                "sub_problem": position,
                "question": part["question"],
                "frame": state["frame"],
                "clarification": state.get("clarification", []),
                "review": state.get("review", False),
            },
        )
        for position, part in enumerate(state["outline"])
    ]


def after_select(state: State) -> str | list[Send]:
    """One sub-problem that nobody wants to review goes straight on; others meet in ``review`` first."""
    return "review" if len(state["outline"]) > 1 or state.get("review") else to_debates(state)


def to_debates(state: State) -> list[Send]:
    """The sub-problems that can be debated now, side by side: those that wait for nothing that is not settled."""
    return [Send("debate", debate(state, position)) for position in ready(state)]


def after_debate(state: State) -> str:
    """A sub-problem that was alone and is settled goes straight on; others meet in ``gather`` first."""
    return "synthesis" if len(state["outline"]) == 1 and settled(result(state, 0)) else "gather"


def after_gather(state: State) -> str | list[Send]:
    return to_debates(state) or "synthesis"


def ready(state: State) -> list[int]:
    """Positions that are neither settled nor broken, and whose dependencies are settled."""
    return [
        position
        for position, part in enumerate(state["outline"])
        if not settled(result(state, position))
        and "failure" not in result(state, position)
        and all(settled(result(state, needed)) for needed in part["depends_on"])
    ]


def result(state: State, position: int) -> Result:
    found: Result = state.get("results", {}).get(str(position), {})
    return found


def settled(found: Result) -> bool:
    return "rounds" in found


def debate(state: State, position: int) -> Debate:
    """The input of a sub-problem's graph: where it begins, or where an earlier attempt of it broke."""
    part = state["outline"][position]
    begun: Debate = {
        "sub_problem": position,
        "alone": len(state["outline"]) == 1,
        "question": part["question"],
        "depends_on": part["depends_on"],
        "frame": state["frame"],
        "clarification": state.get("clarification", []),
        "board": state["seats"][str(position)],
        "round": 1,
        "max_rounds": state["max_rounds"],
        "entry": "",
    }
    return {**begun, **result(state, position).get("place", {})}  # type: ignore[typeddict-item]


# -- the debate of a sub-problem -------------------------------------------------------------------------------------


def enter(state: Debate) -> str:
    return state.get("entry") or "open_round"


def to_personas(state: Debate) -> list[Send]:
    """Everybody on the board speaks in the open round."""
    return [Send("persona", turn(state, slug, state["round"])) for slug in state["board"]]


def after_assess(state: Debate) -> str | list[Send]:
    if str(state["sub_problem"]) in state.get("results", {}):
        return "__end__"
    if state.get("recall"):
        return [Send("persona", turn(state, slug, state["round"])) for slug in state["recall"]]
    match state.get("decision"):
        case "moderate":
            return "moderate"
        case "clarify":
            return "consult"
        case "continue":
            return to_personas(state)
    return [Send("vote", turn(state, slug, 0)) for slug in state["board"]]


def after_tally(state: Debate) -> str | list[Send]:
    if str(state["sub_problem"]) in state.get("results", {}):
        return "__end__"
    return [Send("vote", turn(state, slug, 0)) for slug in state.get("recall", [])]


def turn(state: Debate, persona: str, round_: int) -> Turn:
    return {
        "sub_problem": state["sub_problem"],
        "question": state["question"],
        "depends_on": state.get("depends_on", []),
        "round": round_,
        "of": state["max_rounds"],
        "moderated": state.get("decision") == "moderate",
        "persona": persona,
        "frame": state["frame"],
        "clarification": state.get("clarification", []),
    }
