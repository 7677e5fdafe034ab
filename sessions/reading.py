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
    """``sessions.graph.ports.Reader`` over the ORM. ``run`` executes a query in a database thread.

    It lives as long as one run of a session. What a branch writes once and never changes (documents, sub-problems,
    seats) is read once. Personas begin a round at the same moment and read the same: whoever asks while a query runs
    shares its answer.
    """

    def __init__(self, session_id: UUID, run: Run) -> None:
        self._session_id = session_id
        self._run = run
        self._revision: int | None = None
        self._papers: list[Paper] | None = None
        self._kept: dict[str, Any] = {}
        self._asked: dict[str, asyncio.Future[Any]] = {}

    async def brief(self) -> Brief:
        session: Session = await self._together("session", self._session)
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
            brought=timezone.localdate(session.created_at),
        )

    def _session(self) -> Session:
        if self._papers is None:  # they never change, so a drive reads them once
            papers = Document.objects.filter(session_id=self._session_id).order_by("position")
            texts = papers.annotate(beginning=Left("text", LONGEST_DOCUMENTS))
            self._papers = [Paper(*row) for row in texts.values_list("name", "kind", "beginning", "characters")]
        return Session.objects.get(pk=self._session_id)

    async def contributions(self, sub_problem: int, round_: int | None = None) -> list[dict[str, Any]]:
        if round_ is None:
            return await self._rows(Contribution, sub_problem=sub_problem)
        return await self._rows(Contribution, sub_problem=sub_problem, round=round_)

    async def assessments(self, sub_problem: int) -> list[dict[str, Any]]:
        return await self._rows(Assessment, sub_problem=sub_problem)

    async def recommendations(self, sub_problem: int | None = None) -> list[dict[str, Any]]:
        if sub_problem is None:
            return await self._rows(Recommendation)
        return await self._rows(Recommendation, sub_problem=sub_problem)

    async def sub_problems(self) -> list[dict[str, Any]]:
        return await self._rows(SubProblem, keep=True)

    async def seats(self, sub_problem: int) -> list[dict[str, Any]]:
        return await self._rows(Seat, keep=True, sub_problem=sub_problem)

    async def seat(self, sub_problem: int, persona: str) -> dict[str, Any] | None:
        rows = await self.seats(sub_problem)
        return next((row for row in rows if row["persona"] == persona), None)

    async def personas(self) -> Mapping[str, Persona]:
        if self._revision is None:
            await self.brief()
        revision = self._revision or 0
        return history.cached(revision) or await self._run(lambda: history.at(revision))

    async def memo(self) -> dict[str, Any] | None:
        rows = await self._rows(Memo)
        return rows[-1] if rows else None

    async def interventions(self, sub_problem: int) -> list[dict[str, Any]]:
        return await self._rows(Intervention, sub_problem=sub_problem)

    async def spent(self) -> Spent:
        return Spent(*await self._run(lambda: ledger.experience(self._session_id)))

    async def interjections(self) -> list[str]:
        def query() -> list[str]:
            said = Event.objects.filter(session_id=self._session_id, type="interjection").order_by("sequence")
            return [str(data.get("text", "")) for data in said.values_list("data", flat=True)]

        found: list[str] = await self._together("interjections", query)
        return list(found)

    async def _once(self, name: str, query: Callable[[], Any]) -> Any:
        """The answer of the first query that found something."""
        if name not in self._kept:
            found = await self._together(name, query)
            if not found:
                return found
            self._kept[name] = found
        return self._kept[name]

    async def _together(self, name: str, query: Callable[[], Any]) -> Any:
        """The answer of a query that runs already, or of one that is begun; a caller that is cancelled spoils it for
        nobody."""
        asked = self._asked.get(name)
        if asked is None:
            asked = self._asked[name] = asyncio.ensure_future(self._run(query))
            asked.add_done_callback(lambda _: self._asked.pop(name, None))
        return await asyncio.shield(asked)

    async def _rows(self, model: type[DraftedRow], *, keep: bool = False, **place: int) -> list[dict[str, Any]]:
        def query() -> list[dict[str, Any]]:
            return list(_texts(model).filter(session_id=self._session_id, superseded=False, **place))

        name = f"{model.__name__} {place}"
        found = await (self._once(name, query) if keep else self._together(name, query))
        return [dict(row) for row in found]


def _texts(model: Any) -> "QuerySet[Any, dict[str, Any]]":
    names = [field.name for field in model._meta.concrete_fields if field.name not in _NOT_TEXT]
    # By key where the table says by id: who finished first must not change what the next prompt says.
    order = ["key" if name == "id" else name for name in map(str, model._meta.ordering or ())]
    found: QuerySet[Any, dict[str, Any]] = model.objects.order_by(*order).values(*names)
    return found
