"""The graph's read-only port on our tables: texts of one session, live branch only."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Left
from django.utils import timezone

from llm import ledger
from sessions.graph.ports import Brief, Paper, Spent
from sessions.models import (
    Assessment,
    Contribution,
    Document,
    Event,
    Intervention,
    Memo,
    Recommendation,
    Seat,
    Session,
    SubProblem,
)
from sessions.models.draft import DraftedRow
from sessions.personas import history
from sessions.personas.catalogue import Persona
from sessions.prompts.sections import LONGEST_DOCUMENTS

Run = Callable[[Callable[[], Any]], Awaitable[Any]]

_NOT_TEXT = frozenset({"session", "superseded", "checkpoint_id", "created_at"})


class TableReader:
    """``sessions.graph.ports.Reader`` over the ORM. ``run`` executes a query in a database thread."""

    def __init__(self, session_id: UUID, run: Run) -> None:
        self._session_id = session_id
        self._run = run
        self._revision: int | None = None
        self._papers: list[Paper] | None = None
        self._seats: dict[int, dict[str, dict[str, Any]]] = {}
        self._seating = asyncio.Lock()

    async def brief(self) -> Brief:
        session: Session = await self._run(self._session)
        self._revision = session.catalogue_revision
        return Brief(
            session_id=session.pk,
            problem=session.problem_statement,
            context=session.context,
            options=list(session.options),
            constraints=list(session.constraints),
            max_rounds=session.max_rounds,
            picked=list(session.experts_picked),
            vetoed=list(session.experts_vetoed),
            review=session.review_frame,
            cost_cap=None if session.cost_cap is None else float(session.cost_cap),
            seconds_left=None if session.deadline is None else (session.deadline - timezone.now()).total_seconds(),
            papers=self._papers or [],
        )

    def _session(self) -> Session:
        if self._papers is None:  # they never change, so a drive reads them once
            papers = Document.objects.filter(session_id=self._session_id).order_by("position")
            texts = papers.annotate(beginning=Left("text", LONGEST_DOCUMENTS))
            self._papers = [Paper(*row) for row in texts.values_list("name", "kind", "beginning", "characters")]
        return Session.objects.get(pk=self._session_id)

    async def contributions(self, sub_problem: int, round_: int | None = None) -> list[dict[str, Any]]:
        rows = Contribution.objects.filter(sub_problem=sub_problem)
        return await self._rows(rows if round_ is None else rows.filter(round=round_))

    async def assessments(self, sub_problem: int) -> list[dict[str, Any]]:
        return await self._rows(Assessment.objects.filter(sub_problem=sub_problem))

    async def recommendations(self, sub_problem: int | None = None) -> list[dict[str, Any]]:
        rows = Recommendation.objects.all()
        return await self._rows(rows if sub_problem is None else rows.filter(sub_problem=sub_problem))

    async def sub_problems(self) -> list[dict[str, Any]]:
        return await self._rows(SubProblem.objects.all())

    async def seats(self, sub_problem: int) -> list[dict[str, Any]]:
        return await self._rows(Seat.objects.filter(sub_problem=sub_problem))

    async def seat(self, sub_problem: int, persona: str) -> dict[str, Any] | None:
        async with self._seating:  # five personas begin at once, and one of them asks
            if persona not in self._seats.get(sub_problem, {}):
                self._seats[sub_problem] = {row["persona"]: row for row in await self.seats(sub_problem)}
        return self._seats[sub_problem].get(persona)

    async def personas(self) -> Mapping[str, Persona]:
        if self._revision is None:
            await self.brief()
        revision = self._revision or 0
        return history.cached(revision) or await self._run(lambda: history.at(revision))

    async def memo(self) -> dict[str, Any] | None:
        rows = await self._rows(Memo.objects.all())
        return rows[-1] if rows else None

    async def interventions(self, sub_problem: int) -> list[dict[str, Any]]:
        return await self._rows(Intervention.objects.filter(sub_problem=sub_problem))

    async def spent(self) -> Spent:
        return Spent(*await self._run(lambda: ledger.experience(self._session_id)))

    async def interjections(self) -> list[str]:
        def query() -> list[str]:
            said = Event.objects.filter(session_id=self._session_id, type="interjection").order_by("sequence")
            return [str(data.get("text", "")) for data in said.values_list("data", flat=True)]

        found: list[str] = await self._run(query)
        return found

    async def _rows(self, rows: "QuerySet[Any]") -> list[dict[str, Any]]:
        model = rows.model
        assert issubclass(model, DraftedRow)
        names = [field.name for field in model._meta.concrete_fields if field.name not in _NOT_TEXT]
        # By key where the table says by id: who finished first must not change what the next prompt says.
        order = ["key" if name == "id" else name for name in map(str, model._meta.ordering or ())]
        ours = rows.filter(session_id=self._session_id, superseded=False).order_by(*order)
        found: list[dict[str, Any]] = await self._run(lambda: list(ours.values(*names)))
        return found
