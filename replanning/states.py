"""Which state of an action may follow which."""

from replanning.errors import Conflict
from replanning.models import State

#: The whole machine. A state without successors is final.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.TODO: frozenset({State.IN_PROGRESS, State.BLOCKED, State.CANCELLED, State.ABANDONED}),
    State.IN_PROGRESS: frozenset(
        {State.TODO, State.BLOCKED, State.IN_REVIEW, State.DONE, State.CANCELLED, State.FAILED, State.ABANDONED}
    ),
    State.IN_REVIEW: frozenset({State.IN_PROGRESS, State.DONE, State.CANCELLED, State.FAILED}),
    State.BLOCKED: frozenset({State.TODO, State.IN_PROGRESS, State.CANCELLED, State.FAILED, State.ABANDONED}),
    State.FAILED: frozenset({State.REPLANNED}),
    State.ABANDONED: frozenset({State.REPLANNED}),
    State.DONE: frozenset(),
    State.CANCELLED: frozenset(),
    State.REPLANNED: frozenset(),
}

#: Somebody works on it, or has.
STARTED = frozenset({State.IN_PROGRESS, State.IN_REVIEW, State.DONE})
#: Nobody will work on it any more.
CLOSED = frozenset({State.DONE, State.CANCELLED, State.FAILED, State.ABANDONED, State.REPLANNED})
#: A predecessor in one of these no longer holds anything up: it is done, or nobody wants it any more.
RELEASES = frozenset({State.DONE, State.CANCELLED, State.REPLANNED})
#: From here the board may be asked for another plan.
REPLANNABLE = frozenset({State.BLOCKED, State.FAILED, State.ABANDONED})


def check(current: State, wanted: State) -> None:
    """Raise ``Conflict`` unless an action that is ``current`` may become ``wanted``."""
    if wanted in TRANSITIONS[current]:
        return
    legal = ", ".join(f"“{state.label.lower()}”" for state in State if state in TRANSITIONS[current])
    can = f"It can become {legal}." if legal else "That is final."
    raise Conflict(
        "illegal_action_change",
        f"The action is {current.label.lower()}, so it cannot become “{wanted.label.lower()}”. {can}",
    )


def path_to_replanned(current: State) -> list[State]:
    """The states that lead from ``current`` to *replanned*: what is only blocked is abandoned first."""
    steps = [State.REPLANNED] if current in (State.FAILED, State.ABANDONED) else [State.ABANDONED, State.REPLANNED]
    for before, after in zip([current, *steps], steps, strict=False):
        check(before, after)
    return steps
