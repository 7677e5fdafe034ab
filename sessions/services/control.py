"""Control of a session: pause, resume, kill, kill all, answer, interject, raise the cap.

One verb is one transaction: permission, change, event and audit entry, under the lock of the session's row. Each is
idempotent: asking for what already is changes and records nothing. Pages, API, admin and commands call the same verbs.

``actor`` is a user, or a name for what the system does by itself. All raise ``NotAllowed`` and ``IllegalTransition``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from bo1site.resilience.database import retry_db
from sessions import events
from sessions.cleaning import storable
from sessions.models import Event, Session, Status
from sessions.services import wake
from sessions.services.access import NotAllowed, require, require_staff
from sessions.services.audit import record
from sessions.transitions import IllegalTransition, sources, transition

MAX_TEXT = 4000
_NOTHING_REQUESTED: dict[str, Any] = {"requested": "", "requested_at": None, "requested_reason": ""}


class InvalidWord(ValueError):
    """An answer or interjection that cannot be taken as it is; ``code`` says why, the text what to do."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a bulk verb did: how many it changed, and why it left the others alone (id and reason)."""

    done: int = 0
    skipped: list[tuple[UUID, str]] = field(default_factory=list)


def locked(session: Session | UUID | str) -> Session:
    """The session as it is now, locked until the transaction ends; new rows may point to it meanwhile."""
    key = session.pk if isinstance(session, Session) else session
    return Session.objects.select_for_update(no_key=True).get(pk=key)


@retry_db(nested="join")
def pause(session: Session | UUID | str, actor: Any, reason: str = "") -> Session:
    """Rest before the next step. A running session goes on until its open step is done and stored."""
    with transaction.atomic():
        current = locked(session)
        require(actor, current)
        if current.status == Status.PAUSED or (current.status == Status.RUNNING and current.requested == "pause"):
            return current
        before = {"status": current.status}
        if current.status == Status.RUNNING:
            Session.objects.filter(pk=current.pk).update(
                requested="pause", requested_at=Now(), requested_reason=storable(reason)
            )
            wake.holder(current.pk)
        else:
            transition(current.pk, Status.PAUSED, data={"reason": storable(reason)}, **_NOTHING_REQUESTED)
        record(actor, "pause", current, reason=reason, before=before, after={"requested": "pause"})
    current.refresh_from_db()
    return current


@retry_db(nested="join")
def resume(session: Session | UUID | str, actor: Any, reason: str = "") -> Session:
    """Put a paused session back into line, or take back a pause that has not taken effect yet."""
    with transaction.atomic():
        current = locked(session)
        require(actor, current)
        if current.status in (Status.QUEUED, Status.RUNNING) and current.requested != "pause":
            return current
        before = {"status": current.status, "requested": current.requested}
        if current.status == Status.RUNNING:
            Session.objects.filter(pk=current.pk).update(**_NOTHING_REQUESTED)
        else:
            if current.status != Status.PAUSED:
                raise IllegalTransition(current.pk, current.status, Status.QUEUED)
            transition(
                current.pk,
                Status.QUEUED,
                data={"reason": "resumed"},
                only_from=Status.PAUSED,
                claims=0,
                **_NOTHING_REQUESTED,
            )
            wake.runners()
        record(actor, "resume", current, reason=reason, before=before)
    current.refresh_from_db()
    return current


@retry_db(nested="join")
def kill(session: Session | UUID | str, actor: Any, reason: str = "") -> Session:
    """Stop for good and at once: calls in flight are cancelled, and whatever still comes is refused by the fence."""
    with transaction.atomic():
        current = locked(session)
        require(actor, current)
        if current.status == Status.KILLED:
            return current
        before = {"status": current.status}
        transition(current.pk, Status.KILLED, data={"reason": storable(reason)}, **_NOTHING_REQUESTED)
        wake.holder(current.pk)
        record(actor, "kill", current, reason=reason, before=before, after={"status": Status.KILLED})
    current.refresh_from_db()
    return current


def kill_all(actor: Any, reason: str = "", sessions: Iterable[UUID] | None = None) -> Tally:
    """Kill the given sessions, or every one that is not over. Each in a transaction of its own, in ascending id."""
    require_staff(actor, "board.control_session")
    live = Session.objects.filter(status__in=sources(Status.KILLED))
    ids = sorted(sessions) if sessions is not None else list(live.order_by("pk").values_list("pk", flat=True))
    done, skipped = 0, []
    for session_id in ids:
        try:
            kill(session_id, actor, reason)
            done += 1
        except (IllegalTransition, NotAllowed, Session.DoesNotExist) as error:
            skipped.append((session_id, str(error) or type(error).__name__))
    return Tally(done, skipped)


@retry_db(nested="join")
def answer(session: Session | UUID | str, actor: Any, answers: Sequence[str], interrupt_id: str = "") -> Session:
    """Answer what the board asked, in the order of its questions. Empty answers are allowed and say so.

    ``interrupt_id`` (of the ``session_waiting`` event) names the question; a second answer to it changes nothing.
    """
    with transaction.atomic():
        current = locked(session)
        require(actor, current)
        asked = _asked(current, interrupt_id)
        key = f"answer:{asked['interrupt_id']}"
        if Event.objects.filter(session=current, key=key).exists():
            return current
        if current.status != Status.WAITING:
            raise IllegalTransition(current.pk, current.status, Status.QUEUED)
        if asked.get("review"):
            raise InvalidWord("review_expected", "The board shows its frame and asks nothing: review it instead.")
        given = [_word(text, empty=True) for text in answers]
        if len(given) != len(asked["questions"]):
            raise InvalidWord(
                "answers_do_not_match",
                f"The board asked {len(asked['questions'])} questions; give one answer for each.",
            )
        events.append(current.pk, [events.Draft("clarification_answered", {"answers": given}, key)])
        transition(current.pk, Status.QUEUED, data={"reason": "answered"}, only_from=Status.WAITING, claims=0)
        record(actor, "answer", current, before={"status": Status.WAITING})
        wake.runners()
    current.refresh_from_db()
    return current


def _asked(session: Session, interrupt_id: str) -> dict[str, Any]:
    asked = Event.objects.filter(session=session, type="session_waiting")
    if interrupt_id:
        asked = asked.filter(data__interrupt_id=interrupt_id)
    newest: dict[str, Any] | None = asked.order_by("-sequence").values_list("data", flat=True).first()
    if newest is None:
        if interrupt_id:
            raise InvalidWord("unknown_question", "The board has not asked this question.")
        raise IllegalTransition(session.pk, session.status, Status.QUEUED)
    return newest


@retry_db(nested="join")
def interject(session: Session | UUID | str, actor: Any, text: str, key: str = "") -> int:
    """Say something to the board; every node that runs from now on reads it. Returns the event's sequence.

    With ``key`` (of the request) a repeat says it once.
    """
    with transaction.atomic():
        current = locked(session)
        require(actor, current)
        if current.is_over:
            raise IllegalTransition(current.pk, current.status, Status.RUNNING)
        said = _word(text)
        if key:
            before = Event.objects.filter(session=current, key=f"interjection:{key}").first()
            if before is not None:
                return before.sequence
        author = actor.get_username() if hasattr(actor, "get_username") else str(actor)
        draft = events.Draft("interjection", {"text": said, "author": author}, f"interjection:{key}" if key else "")
        sequence = events.append(current.pk, [draft])
        record(actor, "interject", current)
    return sequence


@retry_db(nested="join")
def raise_cap(session: Session | UUID | str, actor: Any, cap: Decimal | None, reason: str = "") -> Session:
    """Set the cost cap in US dollars (None: without one). The owner's money, so the owner may, and staff who hold the
    permission; a session that its cap stopped can be retried then."""
    with transaction.atomic():
        current = locked(session)
        require(actor, current, "board.raise_cap_session")
        if cap is not None and not Decimal(0) < cap <= Decimal(10_000):
            raise InvalidWord("cap_out_of_range", "Choose a cost cap above 0 and up to 10,000 dollars.")
        if current.cost_cap == cap:
            return current
        Session.objects.filter(pk=current.pk).update(cost_cap=cap)
        record(
            actor,
            "raise_cap",
            current,
            reason=reason,
            before={"cost_cap": str(current.cost_cap)},
            after={"cost_cap": str(cap)},
        )
    current.refresh_from_db()
    return current


def place_in_line(session: Session) -> int | None:
    """1 for the session that is claimed next, None when it is not in line."""
    if session.status != Status.QUEUED or session.queued_at is None:
        return None
    queue = Session.objects.filter(status=Status.QUEUED)
    earlier = queue.filter(queued_at__lt=session.queued_at) | queue.filter(
        queued_at=session.queued_at, pk__lt=session.pk
    )
    return earlier.count() + 1


def _word(text: str, *, empty: bool = False) -> str:
    clean: str = storable(str(text)).strip()
    if not clean and not empty:
        raise InvalidWord("empty", "Say something: the text is empty.")
    if len(clean) > MAX_TEXT:
        raise InvalidWord("too_long", f"This has {len(clean):,} characters; the most is {MAX_TEXT:,}.")
    return clean
