"""The graph's state: plain JSON, ids and short lists. Texts live in rows and are read back through the reader.

Names of channels are for ever: stored checkpoints carry them. A change of meaning needs a new ``GRAPH_VERSION``.
``State`` is the whole deliberation's. Each sub-problem is debated in a graph of its own (``Debate``), with its own
checkpoints, and hands back one ``Result``.
"""

from typing import Annotated, Any, TypedDict

from langgraph.channels.topic import Topic

from sessions.graph.drafts import Draft
from sessions.graph.version import GRAPH_VERSION


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


class PartState(TypedDict):
    """A sub-problem as the board debates it; ``depends_on`` names positions (0, 1, …) of earlier ones."""

    title: str
    question: str
    depends_on: list[int]


class SeatState(TypedDict):
    """A chosen seat while its owner has not yet said yes to it; afterwards it is a row."""

    persona: str
    name: str
    method: str
    reason: str
    version: int
    provider: str


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
    drift: float


class Call(TypedDict):
    """A moderator that is wanted before the next round: which one, the rule that called it, and why in words."""

    moderator: str
    cause: str
    reason: str


class Failure(TypedDict):
    """Why a sub-problem could not go on. ``halts``: nothing else can be done either (a spent budget)."""

    code: str
    message: str
    recoverable: bool
    node: str
    fence: int
    halts: bool


class Result(TypedDict, total=False):
    """How a sub-problem's debate ended: ``{"rounds": n}``, or its failure and the place from which it goes on."""

    rounds: int
    failure: Failure
    place: dict[str, Any]


class Turn(TypedDict):
    """What a persona is sent with: the payload of ``Send``. ``round`` is 0 for the vote."""

    sub_problem: int
    question: str
    depends_on: list[int]
    round: int
    of: int
    #: Whether a moderator was called before this round.
    moderated: bool
    persona: str
    frame: FrameState
    clarification: list[Exchange]


class Selecting(TypedDict):
    """What ``select`` is sent with."""

    sub_problem: int
    question: str
    frame: FrameState
    clarification: list[Exchange]
    review: bool


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
    max_rounds: int
    #: Whether the owner wants to see the frame and the board before the debate.
    review: bool
    #: The sub-problems, in the order of their positions.
    outline: list[PartState]
    #: Slugs by sub-problem ("0", "1", …), in order of seats.
    seats: Annotated[dict[str, list[str]], merged]
    #: The seats in full, by sub-problem, for as long as they wait for the owner's yes.
    boards: Annotated[dict[str, list[SeatState]], merged]
    #: By sub-problem, once its debate has ended.
    results: Annotated[dict[str, Result], merged]
    outbox: Annotated[list[Draft], Topic(dict, accumulate=False)]


class Debate(TypedDict, total=False):
    """One sub-problem's own state. ``alone``: it is the only one, so the session's phase follows it."""

    sub_problem: int
    alone: bool
    question: str
    frame: FrameState
    clarification: list[Exchange]
    depends_on: list[int]
    board: list[str]
    round: int
    max_rounds: int
    #: Turns of the round (or vote) that is open, by key.
    turns: Annotated[dict[str, Outcome], merged]
    #: Readings of the rounds so far, by key of the round.
    readings: Annotated[dict[str, ReadingState], merged]
    #: Slugs that a join wants to hear again.
    recall: list[str]
    #: The last verdict: ``continue``, ``moderate``, ``clarify`` or ``vote``.
    decision: str
    #: Moderators that have been called so far, and the one that is wanted next.
    moderators: list[str]
    call: Call
    #: What the owner is asked between two rounds; emptied when asked, and asked once.
    questions: list[str]
    consulted: bool
    #: The join at which an earlier attempt broke, where this one begins; empty at the first.
    entry: str
    results: Annotated[dict[str, Result], merged]
    outbox: Annotated[list[Draft], Topic(dict, accumulate=False)]


class Results(TypedDict):
    """What a sub-problem's graph hands back to the deliberation's. Its outbox is sunk already."""

    results: Annotated[dict[str, Result], merged]


def initial_state() -> State:
    """The input of a new deliberation. The brief is not in it: nodes read it from the session."""
    return {"version": GRAPH_VERSION}
