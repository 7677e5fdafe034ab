"""What went wrong, in plain words: what happened, what is kept, what to do."""

from dataclasses import dataclass

from sessions.models import Phase, Session

#: The failure that a higher cap mends.
BUDGET = "budget_exhausted"
#: Stable failure codes and their headline. The failure's own message says the rest.
_TITLES = {
    BUDGET: "The cost cap is reached",
    "session_deadline": "The time for this decision ran out",
    "deadline_exceeded": "The language model did not answer in time",
    "providers_failed": "No language model could answer",
    "circuit_open": "No language model can be asked right now",
    "model_not_found": "The language model is not known to its provider",
    "not_configured": "No language model is set up",
    "refused": "The language model declined to answer",
    "graph_version": "This session belongs to another release",
    "provider_auth": "The language model refused our key",
    "provider_quota": "The language model's allowance is used up",
    "rate_limited": "The language model asked us to slow down",
    "provider_overloaded": "The language model is overloaded",
    "provider_timeout": "The language model did not answer in time",
    "provider_unreachable": "The language model cannot be reached",
    "provider_error": "The language model had a fault",
    "context_too_long": "The decision is too long for the language model",
    "invalid_answer": "The language model gave no usable answer",
    "answer_cut": "The language model gave no usable answer",
    "answer_broken": "The language model gave no usable answer",
    "storage_unavailable": "Our own storage was out of reach",
    "poison": "The board stopped several times at the same place",
}
_NEXT = {
    Phase.NONE: "Start again",
    Phase.FRAMING: "Continue with the framing",
    Phase.DECOMPOSING: "Continue with the framing",
    Phase.SELECTING: "Continue with choosing the board",
    Phase.VOTING: "Continue with the recommendations",
    Phase.SYNTHESIS: "Continue with the memo",
    Phase.PLANNING: "Continue with the actions",
    Phase.DONE: "Continue",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """``go_on`` is the words of the one main button, for when the session may be continued.

    ``capped``: the button needs a higher cap (US dollars) to go with it.
    """

    title: str
    message: str
    kept: str
    code: str
    recoverable: bool
    go_on: str
    capped: bool = False


def explain(session: Session, *, contributions: int, spent: str, parts: int = 1) -> Trouble | None:
    """The failure card of a failed session of ``parts`` sub-problems. ``spent`` is the money in words."""
    failure = session.failure
    if not failure:
        return None
    code = str(failure.get("code", ""))
    return Trouble(
        title=_TITLES.get(code, "The board had to stop"),
        message=str(failure.get("message", "")),
        kept=_kept(session, contributions, spent, parts),
        code=code,
        recoverable=bool(failure.get("recoverable")),
        capped=code == BUDGET,
        go_on="Continue with what is missing"
        if session.phase == Phase.DEBATING and parts > 1
        else f"Continue from round {session.round}"
        if session.phase == Phase.DEBATING and session.round
        else _NEXT.get(Phase(session.phase), "Continue"),
    )


def _kept(session: Session, contributions: int, spent: str, parts: int) -> str:
    finished = session.round - 1 if session.phase == Phase.DEBATING else session.round
    safe = []
    if parts > 1:
        pass  # each part is in a round of its own
    elif finished == 1:
        safe.append("round 1")
    elif finished > 1:
        safe.append(f"rounds 1 to {finished}")
    if contributions:
        safe.append("one contribution" if contributions == 1 else f"all {contributions} contributions")
    kept = f"Kept: your decision{''.join(', ' + item for item in safe[:-1])}{' and ' + safe[-1] if safe else ''}."
    return f"{kept} The {spent} spent so far stays spent and is not paid again."
