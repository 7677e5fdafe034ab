"""Find what is wrong with replans: nothing of it can happen through the services, all of it after a partial restore,
a statement typed by hand, or a lost queue. Reads only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, DurationField, Exists, F, OuterRef, Q, QuerySet, Subquery, UUIDField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Now
from django_q.models import OrmQ

from replanning.models import Action, LinkKind, ProjectSession, Replan, Stage
from replanning.models.replan import OPEN
from replanning.states import REPLANNABLE
from sessions.models import ActionProposal, AuditEntry, RunnerSlot, Session, Status

#: What is younger than this may still be on its way through the queue, and is no damage.
GRACE = timedelta(seconds=60)

#: Kinds of damage, in the order in which they are mended, and what the remedy is.
REMEDIES = {
    "replan_without_action": "The replan is removed.",
    "link_without_session": "The link is removed.",
    "two_open_replans": "One is kept, the others are closed and their sessions stopped.",
    "dead_session": "The replan is closed, so that the action can be replanned again.",
    "unnoticed_end": "The plan that its session made is offered.",
    "session_without_replan": "The session is tied to its action again.",
    "session_without_link": "The link is made again.",
    "action_without_pointer": "The action points to its replanning session again.",
    "pointer_to_nothing": "The action's pointer is removed, so that it can be replanned again.",
    "link_without_replan": "The link is kept as one that merely discusses the project.",
    "never_started": "The session is put in line.",
    "lost_queue_entry": "A runner is woken.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One damage. ``action_id`` is missing where no action is concerned, or it is gone; ``says`` is for people."""

    kind: str
    says: str
    action_id: UUID | None = None
    replan_id: UUID | None = None
    session_id: UUID | None = None
    link_id: int | None = None

    @property
    def remedy(self) -> str:
        return REMEDIES[self.kind]


def find(action_id: UUID | None = None) -> list[Finding]:
    """All damage there is, or that of one action, in the order in which it is mended."""
    order = list(REMEDIES)
    return sorted(_all(action_id), key=lambda finding: order.index(finding.kind))


def _all(action_id: UUID | None) -> Iterator[Finding]:
    only = Q() if action_id is None else Q(action_id=action_id)
    yield from _stranded(only)
    yield from _links(only)
    yield from _doubled(only)
    yield from _replans(only)
    yield from _revived(only)
    yield from _pointers(Q() if action_id is None else Q(pk=action_id))
    yield from _orphans(action_id)


def _missing(column: str) -> Any:
    """The session that ``column`` names does not exist."""
    return ~Exists(Session.objects.filter(pk=OuterRef(column)))


def is_there(finding: Finding) -> bool:
    """Whether a damage that concerns no action is to be seen (still)."""
    rows = _stranded(Q(pk=finding.replan_id)) if finding.replan_id else _links(Q(pk=finding.link_id))
    return finding in rows


_HAS_ACTION = Exists(Action.objects.filter(pk=OuterRef("action_id")))


def _stranded(only: Q) -> Iterator[Finding]:
    for row in Replan.objects.filter(only).filter(~_HAS_ACTION).order_by("pk"):
        says = f"Replan {row.pk} belongs to action {row.action_id}, which does not exist."
        yield Finding("replan_without_action", says, replan_id=row.pk, session_id=row.session_id)


def _links(only: Q) -> Iterator[Finding]:
    links = ProjectSession.objects.filter(only).annotate(
        about=Subquery(Action.objects.filter(pk=OuterRef("action_id")).values("pk"))
    )
    for link in links.filter(_missing("session_id")):
        yield Finding(
            "link_without_session",
            f"A link of project {link.project_id} points to session {link.session_id}, which does not exist.",
            link.about, session_id=link.session_id, link_id=link.pk,
        )  # fmt: skip
    unknown = links.filter(~_missing("session_id"), kind=LinkKind.REPLANNING).exclude(
        Exists(Replan.objects.filter(_HAS_ACTION, session_id=OuterRef("session_id")))
    )
    for link in unknown.select_related("action", "session"):
        adoptable = link.action is not None and can_adopt(link.action, link.session)
        yield Finding(
            "session_without_replan" if adoptable else "link_without_replan",
            f"Session {link.session_id} is linked as a replanning one, but no replan knows it.",
            link.about, session_id=link.session_id, link_id=link.pk,
        )  # fmt: skip


def _doubled(only: Q) -> Iterator[Finding]:
    rows = (
        Replan.objects.filter(only, _HAS_ACTION, stage__in=OPEN)
        .values("action_id")
        .annotate(count=Count("pk"))
        .filter(count__gt=1)
    )
    for row in rows.order_by("action_id"):
        says = f"Action {row['action_id']} has {row['count']} open replans; it may have one."
        yield Finding("two_open_replans", says, row["action_id"])


def _replans(only: Q) -> Iterator[Finding]:
    rows = Replan.objects.filter(only, stage__in=OPEN).annotate(
        gone=_missing("session_id"),
        linked=Exists(
            ProjectSession.objects.filter(
                session_id=OuterRef("session_id"),
                project_id=OuterRef("action__project_id"),
                action_id=OuterRef("action_id"),
                kind=LinkKind.REPLANNING,
            )
        ),
        ended_long_ago=Exists(
            Session.objects.filter(pk=OuterRef("session_id")).filter(
                Q(finished_at__isnull=True) | Q(finished_at__lt=_ago()) | ~Q(status__in=_OVER)
            )
        ),
        waits_long=Exists(
            Session.objects.filter(pk=OuterRef("session_id"), status=Status.QUEUED).filter(
                Q(queued_at__isnull=True) | Q(queued_at__lt=_ago())
            )
        ),
        pointed=Exists(Action.objects.filter(pk=OuterRef("action_id"), replan_session_id=OuterRef("session_id"))),
        session_status=F("session__status"),
    )
    for row in rows.order_by("pk"):
        yield from _of_replan(row)


def _of_replan(row: Replan) -> Iterator[Finding]:
    def found(kind: str, says: str) -> Finding:
        return Finding(kind, f"Replan {row.pk}: {says}", row.action_id, row.pk, row.session_id)

    seen = row.__dict__
    status = seen["session_status"]
    if seen["gone"]:
        yield found("dead_session", "its session does not exist.")
        return
    if row.stage == Stage.LIVE and seen["ended_long_ago"]:
        if status in (Status.FAILED, Status.KILLED):
            yield found("dead_session", f"its session is {Status(status).label.lower()}, and the replan is still open.")
            return
        if status == Status.COMPLETED:
            yield found("unnoticed_end", "its session has completed, and nobody was offered the plan.")
        if status == Status.CREATED:
            yield found("never_started", "its session was never put in line.")
    if not seen["linked"]:
        yield found("session_without_link", f"session {row.session_id} is not linked with the project.")
    if not seen["pointed"]:
        yield found("action_without_pointer", f"the action does not point to session {row.session_id}.")
    if row.stage == Stage.LIVE and seen["waits_long"] and not runner_is_coming():
        yield found("lost_queue_entry", f"session {row.session_id} is in line, and no runner is awake or called.")


def _revived(only: Q) -> Iterator[Finding]:
    """Replans that died with their session, which somebody has retried since, and which has a plan by now."""
    rows = Replan.objects.filter(
        only, stage=Stage.DIED, action__status__in=REPLANNABLE, session__status=Status.COMPLETED,
        session__finished_at__gt=F("ended_at"), session__finished_at__lt=_ago(),
    )  # fmt: skip
    taken = Exists(Replan.objects.filter(action_id=OuterRef("action_id"), stage__in=OPEN))
    planned = Exists(ActionProposal.objects.filter(session_id=OuterRef("session_id"), superseded=False))
    for row in rows.filter(planned).exclude(taken).order_by("pk"):
        says = f"Replan {row.pk}: its session was retried and has completed, and nobody was offered the plan."
        yield Finding("unnoticed_end", says, row.action_id, row.pk, row.session_id)


_OVER = (Status.COMPLETED, Status.FAILED, Status.KILLED)


def _ago() -> object:
    return Now() - Value(GRACE, output_field=DurationField())


def runner_is_coming() -> bool:
    """A runner is awake, or an entry in the queue will wake one."""
    if RunnerSlot.objects.filter(lease_until__gt=Now()).exists():
        return True
    return any(entry.func() == "sessions.tasks.run" for entry in OrmQ.objects.iterator())  # type: ignore[no-untyped-call]


def _pointers(only: Q) -> Iterator[Finding]:
    """Actions that point to a session which is not that of their open replan."""
    stray = Action.objects.filter(only, replan_session__isnull=False).exclude(
        Exists(
            Replan.objects.filter(action_id=OuterRef("pk"), session_id=OuterRef("replan_session_id"), stage__in=OPEN)
        )
    )
    # An open replan with another session is told as that replan's missing pointer, unless its session is dead.
    for action in stray.order_by("pk"):
        session = Session.objects.filter(replanned_actions=action).first()
        if session is not None and not session.replans.exists() and can_adopt(action, session):
            kind, says = "session_without_replan", "which no replan knows"
        else:
            kind, says = (
                "pointer_to_nothing",
                "which does not exist" if session is None else "which is not replanning it",
            )
        if kind == "pointer_to_nothing" and action.replans.filter(stage__in=OPEN).exists():
            continue
        yield Finding(
            kind, f"Action {action.pk} points to session {action.replan_session_id}, {says}.", action.pk,
            session_id=action.replan_session_id,
        )  # fmt: skip


def _orphans(action_id: UUID | None) -> Iterator[Finding]:
    """Sessions that the audit trail knows as replanning ones, and nothing else does."""
    told: QuerySet[AuditEntry] = AuditEntry.objects.filter(object_type="action", action="replan")
    if action_id is not None:
        told = told.filter(object_id=str(action_id))
    named = told.annotate(
        session=Cast(KeyTextTransform("session", "after"), UUIDField()), about=Cast("object_id", UUIDField())
    )
    orphans = named.filter(Exists(Session.objects.filter(pk=OuterRef("session")))).exclude(
        Exists(Replan.objects.filter(session_id=OuterRef("session")))
        | Exists(ProjectSession.objects.filter(session_id=OuterRef("session")))
        | Exists(Action.objects.filter(pk=OuterRef("about"), replan_session_id=OuterRef("session")))
    )
    for about, session_id in orphans.filter(Exists(Action.objects.filter(pk=OuterRef("about")))).values_list(
        "about", "session"
    ):
        yield Finding(
            "session_without_replan",
            f"Session {session_id} was started to replan action {about}, and nothing knows it.",
            about, session_id=session_id,
        )  # fmt: skip


def can_adopt(action: Action, session: Session) -> bool:
    """Whether the session can become the replan of the action after all."""
    return (
        session.status not in (Status.FAILED, Status.KILLED)
        and action.status in REPLANNABLE
        and not action.replans.filter(stage__in=OPEN).exists()
    )
