"""Accept what the board proposes: proposals become actions of a project."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from replanning import texts
from replanning.errors import Conflict, Forbidden, PlanError
from replanning.models import Action, LinkKind, Priority, Project, ProjectSession
from replanning.services import actions, batch, projects
from replanning.services.access import locked_project
from replanning.services.batch import Rejected
from replanning.services.retrying import retried
from sessions.models import ActionProposal, Session, Status
from sessions.services.audit import record

#: Proposals accepted at once.
MAX_ITEMS = 500


@dataclass(frozen=True, slots=True)
class Item:
    """One proposal to accept, with what its owner changed (fields as in ``actions.EDITABLE``)."""

    proposal: int
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """What came of it, row by row. ``already``: actions that earlier presses have made of the same proposals."""

    project: Project
    accepted: list[Action] = field(default_factory=list)
    already: list[Action] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class NothingAccepted(PlanError):
    """Every single row was bad, so nothing was changed at all."""

    def __init__(self, rejected: list[Rejected]) -> None:
        self.rejected = rejected
        first = rejected[0]
        super().__init__("nothing_accepted", f"None of the actions could be accepted. “{first.title}”: {first.message}")


def proposals_of(session_id: UUID) -> list[ActionProposal]:
    """What the session proposes, without what a retry from an older step has left behind."""
    return list(ActionProposal.objects.filter(session_id=session_id, superseded=False).order_by("position", "id"))


@retried
def accept(
    session_id: UUID,
    *,
    actor: Any,
    items: Sequence[Item] | None = None,
    project_id: UUID | None = None,
    title: str = "",
) -> Report:
    """Turn proposals (all, unless ``items`` chooses) into actions of a project, a new one unless ``project_id``.

    One transaction: on any failure of the database nothing remains, neither project nor link nor action. A bad row
    alone is left out and reported. Raises ``Conflict`` (``no_plan_yet``), ``NothingAccepted``, ``PlanError``.
    The session's row is locked after the project's: of two who press at once the second is told what the first made.
    """
    with transaction.atomic():
        session = readable_plan(session_id, actor)
        given = locked_project(project_id, actor) if project_id is not None else None
        Session.objects.select_for_update(no_key=True).only("pk").get(pk=session.pk)
        chosen = choose(session.pk, items)
        known = list(
            Action.objects.filter(proposal__in=[item.proposal for item in chosen])
            .select_related("project")
            .order_by("id")
        )
        fresh = len(known) < len(chosen)
        if given is not None:
            project = given
        elif not fresh:
            return Report(known[0].project, already=known)
        else:
            project = projects.create(session.owner, title or session.title[: texts.MAX_TITLE], actor=actor)
        report = Report(project, already=known)
        done = {action.proposal_id for action in known}
        write(report, session, [(n, item) for n, item in enumerate(chosen) if item.proposal not in done])
        if not report.accepted and not known:
            raise NothingAccepted(report.rejected)
        kind = LinkKind.DISCUSSES if given is not None else LinkKind.CREATED_FROM
        ProjectSession.objects.get_or_create(project=project, session=session, defaults={"kind": kind})
        record(actor, "accept_actions", project, after=summary(session, report))
    return report


def readable_plan(session_id: UUID, actor: Any) -> Session:
    """The completed session that ``actor`` may turn into actions."""
    session = Session.objects.visible_to(actor).filter(pk=session_id).first()
    if session is None:
        raise PlanError("not_found", "There is no such session, or you may not read it.")
    if session.owner_id != actor.pk and not actor.has_perm("replanning.control_project"):
        raise Forbidden("forbidden", "You may read this session, but only its owner may accept its actions.")
    if session.status != Status.COMPLETED:
        raise Conflict("no_plan_yet", "The session has not completed, so there is no plan to accept yet.")
    return session


def choose(session_id: UUID, items: Sequence[Item] | None) -> list[Item]:
    """``items``, each of a proposal of this session and named once; all proposals when nothing was chosen."""
    known = [proposal.pk for proposal in proposals_of(session_id)]
    if items is None:
        items = [Item(pk) for pk in known]
    if not items:
        raise PlanError("required", "Choose at least one action.", field="actions")
    if len(items) > MAX_ITEMS:
        raise PlanError("too_many", f"Accept at most {MAX_ITEMS} actions at once.", field="actions")
    numbers = [item.proposal for item in items]
    if unknown := set(numbers) - set(known):
        raise PlanError("unknown_proposal", f"The session proposes no action {min(unknown)}.", field="actions")
    if len(set(numbers)) < len(numbers):
        raise PlanError("proposed_twice", "An action was chosen twice.", field="actions")
    return list(items)


def write(report: Report, session: Session, items: Sequence[tuple[int, Item]], replaces: Action | None = None) -> None:
    """Make actions of ``items`` (index, item); ``report`` tells what came of them. The project is locked."""
    proposals = {proposal.pk: proposal for proposal in proposals_of(session.pk)}
    position = actions.next_position(report.project.pk)
    rows: list[tuple[int, Action]] = []
    for index, item in items:
        proposal = proposals[item.proposal]
        try:
            values = actions.check_fields(_proposed(proposal) | item.changes)
        except PlanError as error:
            report.rejected.append(Rejected(index, proposal.title, error.code, str(error)))
            continue
        rows.append(
            (
                index,
                Action(
                    project=report.project,
                    session=session,
                    proposal=proposal,
                    replaces=replaces,
                    position=position + index,
                    **values,
                ),
            )
        )
    saved, refused = batch.store(rows)
    report.accepted += saved
    report.rejected += refused
    report.rejected.sort(key=lambda one: one.index)


def _proposed(proposal: ActionProposal) -> dict[str, Any]:
    priority = proposal.priority if proposal.priority in Priority.values else Priority.MEDIUM.value
    return {
        "title": proposal.title,
        "what": proposal.what,
        "success": proposal.success,
        "kill": proposal.kill,
        "priority": priority,
        "owner": proposal.owner,
        "due_on": timezone.localdate() + timedelta(days=proposal.due_in_days),
    }


def summary(session: Session, report: Report) -> dict[str, Any]:
    """For the audit trail: ids of what was made, and every row that was left out."""
    return {
        "session": str(session.pk),
        "actions": [str(action.pk) for action in report.accepted],
        "rejected": [{"index": row.index, "title": row.title, "code": row.code} for row in report.rejected],
    }
