"""What the board is asked when an action is replanned: built from the action and tamed, so that any text passes."""

from replanning.models import Action, ActionDependency
from replanning.texts import one_line, tamed
from sessions.models import Memo, Session
from sessions.services.start import MAX_CONTEXT, MAX_ITEM, MAX_ITEMS, Decision

#: Related actions that are told, and the letters of each text.
MAX_RELATED, LONG, SHORT = 15, 2_000, 300


def question(action: Action, reason: str = "") -> Decision:
    """The decision to bring to the board: another way to what ``action`` was for."""
    state = action.get_status_display().lower()
    why = action.blocked_reason or ("It waits for other actions." if action.held else "No reason was given.")
    title = one_line(action.title, SHORT)
    parts = [
        f"“{title}” is {state}, and we need another way to reach what it was for. It is an action of our plan. "
        "What should we do instead, step by step – or should we give up this goal?",
        _told("What it was", action.what),
        f"Why it is {state}: {tamed(why, LONG)}",
        _told("Why we ask now", reason),
        _told("It would have been done when", action.success),
        _told("We had said we would stop when", action.kill),
        f"It is due on {action.due_on:%d %B %Y}." if action.due_on else "",
    ]
    source = action.session
    return Decision(
        problem="\n\n".join(part for part in parts if part),
        context=tamed("\n\n".join(part for part in (_related(action), _earlier(source)) if part), MAX_CONTEXT),
        constraints=[one_line(item, MAX_ITEM) for item in (source.constraints if source else [])][:MAX_ITEMS],
        cost_cap=source.cost_cap if source else None,
    )


def _told(label: str, text: str) -> str:
    return f"{label}: {tamed(text, LONG)}" if text.strip() else ""


def _related(action: Action) -> str:
    """What it waits for, what waits for it, and what else the same decision led to."""
    lines: list[str] = []
    told = {action.pk}
    ties = ActionDependency.objects.select_related("predecessor", "action").order_by("id")
    for tie in ties.filter(action=action)[:MAX_RELATED]:
        lines.append(_line("it waits for", tie.predecessor))
        told.add(tie.predecessor_id)
    for tie in ties.filter(predecessor=action)[:MAX_RELATED]:
        lines.append(_line("waits for it", tie.action))
        told.add(tie.action_id)
    if action.session_id:
        siblings = Action.objects.filter(project_id=action.project_id, session_id=action.session_id).exclude(
            pk__in=told
        )
        lines += [_line("of the same decision", other) for other in siblings[:MAX_RELATED]]
    return "Related actions:\n" + "\n".join(lines[:MAX_RELATED]) if lines else ""


def _line(relation: str, action: Action) -> str:
    return f"- {one_line(action.title, SHORT)} ({relation}; {action.get_status_display().lower()})"


def _earlier(session: Session | None) -> str:
    """The decision that the action came from, and what the board said then."""
    if session is None:
        return ""
    parts = [f"The earlier decision:\n{tamed(session.problem_statement, LONG)}"]
    memo = Memo.objects.filter(session=session, superseded=False).order_by("-id").first()
    if memo is not None:
        parts.append(f"The board recommended then: {tamed(memo.recommendation, LONG)}")
        dissent = memo.dissent if isinstance(memo.dissent, dict) else {}
        if dissent.get("position"):
            parts.append(f"The strongest dissent was: {tamed(dissent['position'], LONG)}")
        if memo.tripwires:
            parts.append(
                "It was to be reopened when:\n" + "\n".join(f"- {one_line(t, SHORT)}" for t in memo.tripwires[:6])
            )
    return "\n\n".join(parts)
