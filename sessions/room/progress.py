"""Where a session is, in words, in steps and as a share."""

from dataclasses import dataclass

from sessions.models import Phase, Session, Status

#: The path as a person sees it, and the phases that belong to each step.
STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Framing", (Phase.FRAMING, Phase.DECOMPOSING)),
    ("Board", (Phase.SELECTING,)),
    ("Debate", (Phase.DEBATING,)),
    ("Recommendations", (Phase.VOTING,)),
    ("Memo", (Phase.SYNTHESIS,)),
    ("Actions", (Phase.PLANNING,)),
)
#: Where a phase begins and ends on the bar, in per cent; in the middle are the sub-problems, side by side.
_FIXED = {
    Phase.FRAMING: (2, 8),
    Phase.DECOMPOSING: (8, 12),
    Phase.SYNTHESIS: (84, 94),
    Phase.PLANNING: (94, 99),
    Phase.DONE: (100, 100),
}
_PARTS = (12, 84)
_IN_PART = {Phase.SELECTING: (0.0, 0.12), Phase.DEBATING: (0.12, 0.82), Phase.VOTING: (0.82, 1.0)}


@dataclass(frozen=True, slots=True)
class Step:
    """``state`` is ``done``, ``now``, ``halted`` or ``todo``; ``detail`` is e.g. ``2 of 4``."""

    name: str
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    percent: int
    words: str
    steps: list[Step]
    moving: bool


def measure(session: Session, *, parts: int = 1, settled: int = 0) -> Progress:
    """``settled`` of ``parts`` sub-problems have been voted on."""
    done = session.status == Status.COMPLETED
    here = len(STEPS) if done else _step(session.phase)
    halted = session.status in (Status.FAILED, Status.KILLED, Status.PAUSED)
    steps = []
    for index, (name, _) in enumerate(STEPS):
        if index == here and not done:
            state = "halted" if halted else "now"
            steps.append(Step(name, state, _detail(session, parts, settled)))
        else:
            steps.append(Step(name, "done" if index < here else "todo"))
    moving = session.status in (Status.RUNNING, Status.QUEUED)
    percent = 100 if done else _percent(session, parts, settled)
    return Progress(percent, words(session, parts, settled), steps, moving)


def words(session: Session, parts: int = 1, settled: int = 0) -> str:
    """One line such as ``Debating, round 2 of 4``; what the status says wherever it says more than the phase."""
    where = place(session, parts, settled)
    if session.status in (Status.CREATED, Status.QUEUED) and not session.phase:
        return "Ready to start" if session.status == Status.CREATED else "In line for the board"
    if session.status == Status.COMPLETED:
        return "The memo is ready"
    prefix = {
        Status.QUEUED: "In line again: ",
        Status.WAITING: "Waiting for your answer: ",
        Status.PAUSED: "Paused: ",
        Status.FAILED: "Failed: ",
        Status.KILLED: "Stopped: ",
    }.get(Status(session.status), "")
    return prefix + (where[0].lower() + where[1:] if prefix else where)


def place(session: Session, parts: int = 1, settled: int = 0) -> str:
    """The phase and the round, whatever the status. Several parts are debated side by side: no one round is theirs."""
    phase = Phase(session.phase).label if session.phase else Phase.NONE.label
    return ", ".join(filter(None, [phase, _detail(session, parts, settled)]))


def _detail(session: Session, parts: int, settled: int) -> str:
    if parts > 1:
        return f"{settled} of {parts} parts settled" if session.phase in (Phase.DEBATING, Phase.VOTING) else ""
    if session.phase == Phase.DEBATING and session.round:
        return f"round {session.round} of {max(session.round, session.max_rounds)}"
    return ""


def _step(phase: str) -> int:
    if phase == Phase.DONE:
        return len(STEPS)
    return next((index for index, (_, phases) in enumerate(STEPS) if phase in phases), -1)


def _percent(session: Session, parts: int, settled: int) -> int:
    if not session.phase:
        return 0
    phase = Phase(session.phase)
    if phase in _FIXED:
        return _FIXED[phase][0]
    start, end = _IN_PART[phase]
    inside = start
    if phase is Phase.DEBATING and session.round:
        finished = (session.round - 1) / max(session.max_rounds, session.round)
        inside = start + (end - start) * finished
    low, high = _PARTS
    settled = min(settled, parts - 1)
    return round(low + (high - low) * (settled + inside * (parts - settled)) / max(parts, 1))
