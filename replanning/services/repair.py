"""Mend what ``damage`` finds (RP3). Every repair is a transaction of its own, under the lock of its action, audited."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Model

from replanning.errors import Forbidden, PlanError
from replanning.models import Action, LinkKind, ProjectSession, Replan, Stage
from replanning.models.replan import OPEN
from replanning.services import damage, offer
from replanning.services.access import SYSTEM, locked_action
from replanning.services.damage import Finding
from replanning.services.retrying import retried
from sessions.models import Session, Status
from sessions.services import control, wake
from sessions.services import start as sessions
from sessions.services.audit import record
from sessions.services.start import InvalidDecision
from sessions.transitions import IllegalTransition, sources

log = logging.getLogger(__name__)

#: Repairs of one action in one go: more of them would mean that one undoes another.
MOST = 20
#: What a single repair may fail with; anything else is a mistake in the program and is raised.
_FAILURES = (DatabaseError, IllegalTransition, InvalidDecision, PlanError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mended:
    """What was found and whether it could be mended; ``error`` says why not."""

    finding: Finding
    error: str = ""


def preview(*, actor: Any = SYSTEM, action_id: UUID | None = None) -> list[Finding]:
    """What ``repair`` would do now, changing nothing."""
    _require(actor)
    return damage.find(action_id)


def repair(*, actor: Any = SYSTEM, reason: str = "", action_id: UUID | None = None) -> list[Mended]:
    """Mend all damage, or that of one action; a repair that fails is reported and holds up no other."""
    _require(actor)
    report: list[Mended] = []
    for finding in damage.find(action_id):
        if finding.action_id is None:  # first, because they may stand where an action's own repair has to
            report += _mend_row(finding, actor, reason)
    for concerned in sorted({finding.action_id for finding in damage.find(action_id) if finding.action_id}):
        report += _mend_action(concerned, actor, reason)
    return report


def _require(actor: Any) -> None:
    if actor != SYSTEM and not actor.has_perm("replanning.repair_project"):
        raise Forbidden("forbidden", "Repairing replans needs a permission that your account does not have.")


def _mend_action(action_id: UUID, actor: Any, reason: str) -> Iterator[Mended]:
    """One finding after the other, each looked for afresh: mending one may bring the next to light, or settle it."""
    for _ in range(MOST):
        try:
            finding = _mend_next(action_id, actor, reason)
        except _FAILURES as error:
            log.exception("replans of action %s could not be repaired", action_id)
            yield from (Mended(left, str(error)) for left in damage.find(action_id)[:1])
            return
        if finding is None:
            return
        yield Mended(finding)


@retried
def _mend_next(action_id: UUID, actor: Any, reason: str) -> Finding | None:
    """Lock the action, mend its first damage and return it; None when there is none (any more)."""
    with transaction.atomic():
        action = locked_action(action_id, SYSTEM, with_project=False)
        finding = next(iter(damage.find(action_id)), None)
        if finding is not None:
            _apply(finding, action)
            _record(finding, action, actor, reason)
    return finding


def _mend_row(finding: Finding, actor: Any, reason: str) -> Iterator[Mended]:
    """A link or a replan that no action is concerned with: under its own lock, unless it is well (or gone) by now."""
    rows: Any = Replan.objects if finding.replan_id else ProjectSession.objects
    try:
        with transaction.atomic():
            row = rows.select_for_update(no_key=True).filter(pk=finding.replan_id or finding.link_id).first()
            if row is None or not damage.is_there(finding):
                return
            _record(finding, row, actor, reason)
            if finding.replan_id:
                row.delete()
            else:
                _apply_to_link(finding)
    except _FAILURES as error:
        log.exception("%s could not be repaired", finding.says)
        yield Mended(finding, str(error))
    else:
        yield Mended(finding)


def _record(finding: Finding, target: Model, actor: Any, reason: str) -> None:
    before = {"damage": finding.kind, "session": str(finding.session_id or "")}
    record(
        actor, "repair_replan", target, reason=reason or finding.says, before=before, after={"remedy": finding.remedy}
    )


def _apply_to_link(finding: Finding) -> None:
    rows = ProjectSession.objects.filter(pk=_given(finding.link_id))
    if finding.kind == "link_without_session":
        rows.delete()
    else:
        rows.update(kind=LinkKind.DISCUSSES, action=None)


def _given(value: T | None) -> T:
    assert value is not None
    return value


def _apply(finding: Finding, action: Action) -> None:
    """The action is locked and ``finding`` was found under the lock."""
    match finding.kind:
        case "link_without_session" | "link_without_replan":
            _apply_to_link(finding)
        case "two_open_replans":
            _keep_one(action)
        case "dead_session":
            _bury(finding, action)
        case "unnoticed_end":
            offer.settle_locked(_replan(finding), action)
        case "session_without_replan":
            _adopt(finding, action)
        case "session_without_link":
            _link(action, _given(finding.session_id), LinkKind.REPLANNING)
        case "action_without_pointer":
            Action.objects.filter(pk=action.pk).update(replan_session=finding.session_id)
        case "pointer_to_nothing":
            offer.release(action)
        case "never_started":
            sessions.start(Session.objects.get(pk=_given(finding.session_id)), actor=SYSTEM, reason="repair of replans")
        case "lost_queue_entry":
            wake.runners()


def _replan(finding: Finding) -> Replan:
    rows = Replan.objects.select_for_update(no_key=True, of=("self",)).select_related("session")
    return rows.get(pk=_given(finding.replan_id))


def _bury(finding: Finding, action: Action) -> None:
    current = _replan(finding)
    if finding.session_id is not None and not Session.objects.filter(pk=finding.session_id).exists():
        current.session = None
        Replan.objects.filter(pk=current.pk).update(session=None)
    if current.stage == Stage.LIVE:
        offer.settle_locked(current, action)
    else:
        offer.close(current, action, Stage.DIED, "Its session is gone.")


def _adopt(finding: Finding, action: Action) -> None:
    """Give the session its place again: as the action's replan if there is room, else as a mere link."""
    session = Session.objects.get(pk=_given(finding.session_id))
    if not damage.can_adopt(action, session):
        _link(action, session.pk, LinkKind.DISCUSSES)
        return
    fresh = Replan.objects.create(action=action, session=session, reason=action.blocked_reason)
    _link(action, session.pk, LinkKind.REPLANNING)
    Action.objects.filter(pk=action.pk).update(replan_session=session)
    action.replan_session = session
    offer.settle_locked(fresh, action)


def _link(action: Action, session_id: UUID, kind: LinkKind) -> None:
    about = action if kind is LinkKind.REPLANNING else None
    ProjectSession.objects.update_or_create(
        project_id=action.project_id, session_id=session_id, defaults={"kind": kind, "action": about}
    )


def _keep_one(action: Action) -> None:
    """Keep the plan on offer, else the one the action points to if it lives, else the oldest that lives."""
    rows = Replan.objects.select_for_update(no_key=True, of=("self",)).select_related("session")
    candidates = list(rows.filter(action=action, stage__in=OPEN).order_by("pk"))

    def rank(one: Replan) -> tuple[bool, bool, bool]:
        alive = one.session is not None and one.session.status not in (Status.FAILED, Status.KILLED)
        return (one.stage != Stage.OFFERED, not alive, one.session_id != action.replan_session_id)

    kept, *others = sorted(candidates, key=rank)
    for one in others:
        offer.close(one, action, Stage.DIED, "Two replans were open; the other one was kept.")
        if one.session is not None and one.session.status in sources(Status.KILLED):
            control.kill(one.session, SYSTEM, "Another session is replanning the same action.")
    Action.objects.filter(pk=action.pk).update(replan_session=kept.session_id)
