"""The owner's look at the frame and the board before the debate: say yes, or change it, and let the board begin."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from bo1site.resilience.database import retry_db
from sessions import events
from sessions.models import Event, Session, Status
from sessions.personas import history
from sessions.services import control, wake
from sessions.services.access import require
from sessions.services.audit import record
from sessions.services.start import InvalidDecision, items, prose
from sessions.transitions import IllegalTransition, transition

#: Characters of a question, an option or a criterion, and of a title: what the board's own may have.
LONGEST_LINE, LONGEST_TITLE = 380, 120
#: Experts that an owner may put on the board of one sub-problem.
MOST_PICKED = 5


@dataclass(frozen=True, slots=True)
class Changes:
    """What the owner wants otherwise; what is empty stays as it is. Sub-problems go by their position (0, 1, …).

    ``veto`` and ``pick`` are slugs of personas by position; a vetoed seat is filled anew. ``cost_cap`` in US dollars.
    """

    question: str = ""
    options: list[str] = field(default_factory=list)
    criteria: list[str] = field(default_factory=list)
    max_rounds: int | None = None
    cost_cap: Decimal | None = None
    drop: list[int] = field(default_factory=list)
    titles: dict[int, str] = field(default_factory=dict)
    questions: dict[int, str] = field(default_factory=dict)
    veto: dict[int, list[str]] = field(default_factory=dict)
    pick: dict[int, list[str]] = field(default_factory=dict)


@retry_db(nested="join")
def review(session: Session | UUID | str, actor: Any, changes: Changes, interrupt_id: str = "") -> Session:
    """Accept the frame with ``changes``, and put the session back into line. Event, status, audit entry and cap commit
    together; a second answer to the same review changes nothing.

    Raises ``NotAllowed``, ``IllegalTransition`` when the session does not wait for a review, ``InvalidDecision`` for
    changes that cannot be.
    """
    with transaction.atomic():
        current = control.locked(session)
        require(actor, current)
        asked = _asked(current, interrupt_id)
        key = f"answer:{asked['interrupt_id']}"
        if Event.objects.filter(session=current, key=key).exists():
            return current
        if current.status != Status.WAITING:
            raise IllegalTransition(current.pk, current.status, Status.QUEUED)
        found = checked(changes, asked["review"], current)
        if changes.cost_cap is not None:
            try:
                control.raise_cap(current, actor, changes.cost_cap, "set when the frame was reviewed")
            except control.InvalidWord as problem:
                raise InvalidDecision(problem.code, "cost_cap", str(problem)) from None
        events.append(
            current.pk,
            [events.Draft("frame_reviewed", {"interrupt_id": asked["interrupt_id"], "changes": found}, key)],
        )
        transition(current.pk, Status.QUEUED, data={"reason": "answered"}, only_from=Status.WAITING, claims=0)
        record(actor, "review", current, before={"status": Status.WAITING}, after={"changes": sorted(found)})
        wake.runners()
    current.refresh_from_db()
    return current


def _asked(session: Session, interrupt_id: str) -> dict[str, Any]:
    rows = Event.objects.filter(session=session, type="session_waiting", data__review__isnull=False)
    if interrupt_id:
        rows = rows.filter(data__interrupt_id=interrupt_id)
    newest: dict[str, Any] | None = rows.order_by("-sequence").values_list("data", flat=True).first()
    if newest is None or not newest.get("review"):
        if interrupt_id:
            raise InvalidDecision("unknown_question", "interrupt_id", "The board has not shown this for review.")
        raise IllegalTransition(session.pk, session.status, Status.QUEUED)
    return newest


def checked(changes: Changes, shown: dict[str, Any], session: Session) -> dict[str, Any]:
    """What differs from what was ``shown``, as the graph takes it. Raises ``InvalidDecision`` with field and code."""
    found: dict[str, Any] = {}
    question = prose(changes.question, "question", LONGEST_LINE)
    if question and question != shown["question"]:
        found["question"] = question
    for name in ("options", "criteria"):
        given = list(dict.fromkeys(items(getattr(changes, name), name, longest=LONGEST_LINE)))
        if name == "options" and len(given) == 1:
            raise InvalidDecision("too_few_options", "options", "Leave at least two options to decide between.")
        if given and given != shown[name]:
            found[name] = given
    if changes.max_rounds is not None:
        if not 1 <= changes.max_rounds <= 10:
            raise InvalidDecision("rounds_out_of_range", "max_rounds", "Choose between 1 and 10 rounds.")
        if changes.max_rounds != shown["max_rounds"]:
            found["max_rounds"] = changes.max_rounds
    return found | _parts(changes, shown, session)


def _parts(changes: Changes, shown: dict[str, Any], session: Session) -> dict[str, Any]:
    parts = {part["position"]: part for part in shown["parts"]}
    named = {*changes.drop, *changes.titles, *changes.questions, *changes.veto, *changes.pick}
    if unknown := named - parts.keys():
        raise InvalidDecision(
            "unknown_part", "drop", f"There is no part {min(unknown)}; they are 0 to {len(parts) - 1}."
        )
    found: dict[str, Any] = {}
    if changes.drop:
        found["drop"] = sorted(set(changes.drop))
        if len(found["drop"]) == len(parts):
            raise InvalidDecision("no_part_left", "drop", "Leave at least one part: there is nothing else to debate.")
    texts: dict[str, dict[str, str]] = {}
    for position, part in parts.items():
        for name, given, longest in (
            ("title", changes.titles, LONGEST_TITLE),
            ("question", changes.questions, LONGEST_LINE),
        ):
            text = prose(given.get(position, ""), f"{name} of part {position}", longest)
            if text and text != part[name]:
                texts.setdefault(str(position), {})[name] = text
    if texts:
        found["parts"] = texts
    people = history.at(session.catalogue_revision or 0)
    for name, given_ in (("veto", changes.veto), ("pick", changes.pick)):
        wanted = {str(position): list(dict.fromkeys(slugs)) for position, slugs in given_.items() if slugs}
        for slugs in wanted.values():
            for slug in slugs:
                if slug not in people:
                    raise InvalidDecision("unknown_persona", name, f"There is no expert “{slug}” in the catalogue.")
            if len(slugs) > MOST_PICKED:
                raise InvalidDecision("too_many", name, f"Name at most {MOST_PICKED} experts for a part.")
        if wanted:
            found[name] = wanted
    return found
