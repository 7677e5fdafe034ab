"""The graph's state: plain JSON, ids and short lists. Texts live in rows and are read back through the reader.

Names of channels are for ever: stored checkpoints carry them. A change of meaning needs a new ``GRAPH_VERSION``.
Whatever belongs to a sub-problem is keyed by it, and every turn carries its sub-problem with it, so that sub-problems
can run side by side without a new shape of state.
"""

from typing import Annotated, Any, TypedDict

from langgraph.channels.topic import Topic

from sessions.graph.drafts import Draft

GRAPH_VERSION = 1


class FrameState(TypedDict):
    """The decision as the board debates it. No table holds it, so it travels in the state (about 1 kB)."""

    title: str
    question: str
    complexity: int
    options: list[str]
    criteria: list[str]


class Exchange(TypedDict):
    """A question the board asked before it started, and the owner's answer."""

    question: str
    answer: str


class Outcome(TypedDict, total=False):
    """How a turn ended: ``{"spoke": True}``, or the failure as data.

    ``fence`` is the claim under which it failed; ``halts`` marks a failure that stops everybody (a spent budget).
    """

    spoke: bool
    persona: str
    code: str
    message: str
    recoverable: bool
    halts: bool
    fence: int


class ReadingState(TypedDict):
    """What the stop rules know of a round; shares from 0 to 1 (sessions/graph/measures.py says how they come about)."""

    round: int
    convergence: float
    novelty: float
    conflict: float
    agreement: float
    shift: float
    participation: float


class Turn(TypedDict):
    """What a persona is sent with: the payload of ``Send``. ``round`` is 0 for the vote."""

    sub_problem: int
    round: int
    of: int
    persona: str
    frame: FrameState
    clarification: list[Exchange]


def merged(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    """Both maps; the newer value wins, and None removes a key. Commutative for different keys."""
    both = {**(old or {}), **(new or {})}
    return {key: value for key, value in both.items() if value is not None}


class State(TypedDict, total=False):
    version: int
    frame: FrameState
    #: What the frame could not do without; emptied when asked.
    questions: list[str]
    #: Asked and answered. None of it may be missing once ``asked`` is true.
    clarification: list[Exchange]
    asked: bool
    #: How many sub-problems there are, and which one is debated (0, 1, …).
    parts: int
    sub_problem: int
    round: int
    max_rounds: int
    #: Slugs by sub-problem ("0", "1", …), in order of seats.
    seats: Annotated[dict[str, list[str]], merged]
    #: Turns of the round (or vote) that is open, by key.
    turns: Annotated[dict[str, Outcome], merged]
    #: Readings of the sub-problem that is debated, by key of the round.
    readings: Annotated[dict[str, ReadingState], merged]
    #: Slugs that a join wants to hear again.
    recall: list[str]
    #: The last verdict: ``continue`` or ``vote``.
    decision: str
    outbox: Annotated[list[Draft], Topic(dict, accumulate=False)]


def initial_state() -> State:
    """The input of a new deliberation. The brief is not in it: nodes read it from the session."""
    return {"version": GRAPH_VERSION}
