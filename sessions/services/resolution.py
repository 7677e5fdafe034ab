"""Record what was decided in the end, and later how it turned out.

One verb is one transaction: permission, change, event and audit entry under the lock of the session's row. Saying the
same again changes and records nothing; saying something else corrects it, and the trail keeps what was said before.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from bo1site.resilience.database import retry_db
from sessions import events
from sessions.cleaning import storable
from sessions.models import Followed, Hindsight, Memo, Resolution, Session, Status
from sessions.services.access import require
from sessions.services.audit import record
from sessions.services.control import locked

MAX_DECISION, MAX_OUTCOME = 2_000, 4_000
FIRST_DAY = date(2000, 1, 1)


class CannotRecord(ValueError):
    """``code`` says why; ``field`` names the input at fault, ``conflict`` that the session is not that far yet."""

    def __init__(self, code: str, message: str, *, field: str = "", conflict: bool = False) -> None:
        self.code, self.field, self.conflict = code, field, conflict
        super().__init__(message)


@retry_db(nested="join")
def decide(
    session: Session | UUID | str, actor: Any, decision: str, followed: str, decided_on: date | None = None
) -> Resolution:
    """Record the decision taken; ``decided_on`` is today unless given. Raises ``CannotRecord`` and ``NotAllowed``."""
    with transaction.atomic():
        current = locked(session)
        require(actor, current)
        if current.status != Status.COMPLETED or not Memo.objects.filter(session=current, superseded=False).exists():
            raise CannotRecord("no_memo_yet", "The board has not advised on this yet.", conflict=True)
        _choice(followed, Followed.values, "followed")
        found = Resolution.objects.filter(session=current).first()
        day = _day(decided_on or (found.decided_on if found else None), "decided_on")
        said = _words(decision, "decision", MAX_DECISION, required=True)
        values = {"decision": said, "followed": followed, "decided_on": day}
        if found is not None and found.judged_on and day > found.judged_on:
            raise CannotRecord("out_of_range", "It was judged before that day already.", field="decided_on")
        return _store(current, actor, "record_decision", "decision_recorded", values)


@retry_db(nested="join")
def judge(
    session: Session | UUID | str, actor: Any, hindsight: str, outcome: str = "", judged_on: date | None = None
) -> Resolution:
    """Record how the decision turned out; it has to be recorded first. Raises as ``decide`` does."""
    with transaction.atomic():
        current = locked(session)
        require(actor, current)
        found = Resolution.objects.filter(session=current).first()
        if found is None:
            raise CannotRecord("no_decision_yet", "Record what you decided first.", conflict=True)
        _choice(hindsight, Hindsight.values, "hindsight")
        day = _day(judged_on or found.judged_on, "judged_on")
        values = {"hindsight": hindsight, "outcome": _words(outcome, "outcome", MAX_OUTCOME), "judged_on": day}
        if day < found.decided_on:
            raise CannotRecord("out_of_range", "It cannot be judged before it was decided.", field="judged_on")
        return _store(current, actor, "record_outcome", "outcome_recorded", values)


def _store(session: Session, actor: Any, verb: str, event: str, values: dict[str, Any]) -> Resolution:
    found = Resolution.objects.filter(session=session).first() or Resolution(session=session)
    fresh = found.pk is None
    before = {} if fresh else {name: _plain(getattr(found, name)) for name in values}
    after = {name: _plain(value) for name, value in values.items()}
    if after == before:
        return found
    for name, value in values.items():
        setattr(found, name, value)
    found.save()
    events.append(session.pk, [events.Draft(event, after)])
    record(actor, verb, session, before=before, after=after)
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _words(text: str, field: str, limit: int, *, required: bool = False) -> str:
    clean = str(storable(text)).replace("\r\n", "\n").strip()
    if required and not clean:
        raise CannotRecord("required", "Say in a sentence what was decided.", field=field)
    if len(clean) > limit:
        raise CannotRecord("too_long", f"This has {len(clean):,} characters; the most is {limit:,}.", field=field)
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in clean):
        raise CannotRecord(
            "control_characters", "The text contains control characters. Paste it as plain text.", field=field
        )
    return clean


def _choice(value: str, known: list[str], field: str) -> None:
    if value not in known:
        raise CannotRecord("invalid_choice", f"Choose one of: {', '.join(known)}.", field=field)


def _day(value: date | None, field: str) -> date:
    """``value``, or today; a day ahead is let pass, because somewhere it is tomorrow already."""
    today = timezone.localdate()
    day = value or today
    if not FIRST_DAY <= day <= today + timedelta(days=1):
        raise CannotRecord("out_of_range", f"Give a day from {FIRST_DAY} to today.", field=field)
    return day
