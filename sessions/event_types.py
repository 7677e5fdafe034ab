"""The names of events and the shape of their data. This is the contract of the stream and of the events API."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sessions.models import Status

Share = Annotated[float, Field(ge=0, le=1)]


class Data(BaseModel):
    """Unknown fields are refused, so that the contract cannot drift unnoticed."""

    model_config = ConfigDict(extra="forbid")


class Created(Data):
    title: str


class Queued(Data):
    """``from_checkpoint``: a retry left the branch after it; events after ``live_until`` up to this one are history.
    ``request``: the correlation id of the request that asked for it."""

    reason: Literal["started", "resumed", "retried", "answered", "released", "evicted", "stuck"] = "started"
    from_checkpoint: str = ""
    live_until: int | None = None
    request: str = ""


class Started(Data):
    worker: str
    fence: int


class Resumed(Data):
    reason: str
    worker: str
    fence: int
    phase: str = ""
    round: int = 0


class Waiting(Data):
    """``review``: the frame and the board, for the owner to look at; then there are no questions."""

    questions: list[str]
    interrupt_id: str = ""
    review: dict[str, Any] | None = None


class Paused(Data):
    reason: str = ""


class Completed(Data):
    recommendation: str = ""
    confidence: Share | None = None


class Failed(Data):
    """``recoverable`` says truthfully whether a retry can help."""

    code: str
    message: str
    recoverable: bool
    node: str = ""
    attempt: int = 1


class Killed(Data):
    reason: str = ""


class PhaseStarted(Data):
    phase: str
    sub_problem: int | None = None


class FrameReady(Data):
    title: str
    question: str
    complexity: int
    options: list[str]
    criteria: list[str]
    max_rounds: int


class ClarificationAnswered(Data):
    answers: list[str]


class FrameReviewed(Data):
    """What the owner changed of the frame and the board before the debate; only what was changed is there."""

    interrupt_id: str
    changes: dict[str, Any]


class Decomposed(Data):
    sub_problems: list[dict[str, Any]] = Field(description="position, title, question, depends_on")


class BoardSelected(Data):
    sub_problem: int
    seats: list[dict[str, Any]] = Field(description="persona, name, method, reason")


class RoundStarted(Data):
    sub_problem: int
    round: int
    of: int
    guidance: str = ""


class ContributionMade(Data):
    key: str
    sub_problem: int
    round: int
    persona: str
    name: str
    option: str
    claim: str
    reasons: list[str]
    conditions: list[str]
    response: str = ""
    confidence: Share
    offline: bool = False


class ContributionFailed(Data):
    sub_problem: int
    round: int
    persona: str
    name: str
    code: str
    message: str


class Intervention(Data):
    """A moderator's word into ``round``; ``cause`` is the rule that called it."""

    key: str
    sub_problem: int
    round: int
    moderator: str
    name: str
    cause: str
    reason: str
    claim: str
    points: list[str]
    question: str
    offline: bool = False


class PartSettled(Data):
    """A sub-problem has been voted on; ``majority`` and ``weighted`` are empty where there is a tie."""

    sub_problem: int
    rounds: int
    majority: str
    weighted: str
    options: list[dict[str, Any]] = Field(description="option, votes, share, weighted, supporters")
    flips: list[dict[str, Any]] = Field(
        description="persona, name, before, after, confidence_before, confidence_after: against the first round"
    )


class PartBroken(Data):
    """One of several sub-problems could not go on; the others do."""

    sub_problem: int
    code: str
    message: str
    recoverable: bool
    node: str


class RoundAssessed(Data):
    sub_problem: int
    round: int
    summary: str
    convergence: Share
    novelty: Share
    conflict: Share
    open_questions: list[str]
    decision: str
    reason: str
    guidance: str = ""


class VoteCast(Data):
    key: str
    sub_problem: int
    persona: str
    name: str
    option: str
    recommendation: str
    confidence: Share
    reasons: list[str]
    conditions: list[str]
    would_change_my_mind: str
    offline: bool = False


class MemoReady(Data):
    recommendation: str
    confidence: Share
    confidence_basis: str
    dissent: dict[str, Any]


class ActionsReady(Data):
    actions: list[dict[str, Any]] = Field(description="position, title, owner, due_in_days, priority")


class ItemRejected(Data):
    """A row or event that a step drafted could not be stored; the step itself is kept."""

    kind: str
    key: str
    reason: str


class Interjection(Data):
    text: str
    author: str = ""


class DecisionRecorded(Data):
    """After the end: what its owner decided. A later one corrects it."""

    decision: str
    followed: Literal["yes", "partly", "no"]
    decided_on: str


class OutcomeRecorded(Data):
    """After the end: how it turned out. A later one corrects it."""

    hindsight: Literal["right", "partly", "wrong", "unclear"]
    outcome: str = ""
    judged_on: str


SCHEMAS: dict[str, type[Data]] = {
    "session_created": Created,
    "session_queued": Queued,
    "session_started": Started,
    "session_resumed": Resumed,
    "session_waiting": Waiting,
    "session_paused": Paused,
    "session_completed": Completed,
    "session_failed": Failed,
    "session_killed": Killed,
    "phase_started": PhaseStarted,
    "frame_ready": FrameReady,
    "clarification_answered": ClarificationAnswered,
    "frame_reviewed": FrameReviewed,
    "decomposed": Decomposed,
    "board_selected": BoardSelected,
    "round_started": RoundStarted,
    "contribution": ContributionMade,
    "contribution_failed": ContributionFailed,
    "round_assessed": RoundAssessed,
    "intervention": Intervention,
    "part_settled": PartSettled,
    "part_broken": PartBroken,
    "vote": VoteCast,
    "memo_ready": MemoReady,
    "actions_ready": ActionsReady,
    "item_rejected": ItemRejected,
    "interjection": Interjection,
    "decision_recorded": DecisionRecorded,
    "outcome_recorded": OutcomeRecorded,
}

#: After one of these the stream ends.
TERMINAL = frozenset({"session_completed", "session_failed", "session_killed"})

#: The event that announces a status. Entering QUEUED or RUNNING has several names; callers choose.
STATUS_EVENT = {
    Status.QUEUED: "session_queued",
    Status.RUNNING: "session_started",
    Status.WAITING: "session_waiting",
    Status.PAUSED: "session_paused",
    Status.COMPLETED: "session_completed",
    Status.FAILED: "session_failed",
    Status.KILLED: "session_killed",
}


def check(type_: str, data: dict[str, Any]) -> None:
    """Raise ``ValueError`` (pydantic's) unless ``data`` is what an event of this type carries."""
    schema = SCHEMAS.get(type_)
    if schema is None:
        raise ValueError(f"{type_!r} is no event type; add it to sessions/event_types.py")
    schema.model_validate(data)
