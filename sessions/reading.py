"""The graph's read-only port on our tables: texts of one session, live branch only."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import JSONField
from django.db.models.functions import Left
from django.utils import timezone

from llm import budget, ledger
from sessions.graph.ports import Brief, Paper, Spent
from sessions.models import (
    Assessment,
    Contribution,
    Document,
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
#: A table, its mark, and what of it.
_Place = tuple[object, ...]
#: A name, and what reads the value as PostgreSQL's driver hands it out; None for one that is ready.
_Column = tuple[str, Callable[[Any], Any] | None]

_NOT_TEXT = frozenset({"session", "superseded", "checkpoint_id", "created_at"})
#: What others may change while the board sits, in one statement: every step asks it, and through the ORM it costs
#: more processor time than the database takes for it.
_NOW = """
SELECT s.cost_cap, s.deadline, (
    SELECT coalesce(json_agg(e.data -> 'text' ORDER BY e.sequence), '[]')::text FROM board_event e
    WHERE e.session_id = s.id AND e.type = 'interjection'
) FROM board_session s WHERE s.id = %s
"""


class TableReader:
    """``sessions.graph.ports.Reader`` over the tables. ``run`` executes a query in a database thread.

    It lives as long as one run of a session, and for so long only that run writes the session's texts: the fence sees
    to it. So the decision is read once, and the rows of a table again after ``changed`` has named it. What others
    change meanwhile (limits, what the owner says) is read at every step. Personas begin a round at the same moment and
    read the same: whoever asks while a query runs shares its answer.
    """

    def __init__(self, session_id: UUID, run: Run) -> None:
        self._session_id = session_id
        self._run = run
        self._session: Session | None = None
        self._papers: list[Paper] = []
        self._kept: dict[_Place, list[dict[str, Any]]] = {}
        self._asked: dict[Any, asyncio.Future[Any]] = {}
        #: A mark for each table, another one after each change: an answer counts for the mark under which it was asked.
        self._marks: dict[str, object] = {}

    def changed(self, tables: Iterable[str]) -> None:
        """The run has stored rows in ``tables``. From any thread, after the commit and before the next step."""
        for table in tables:
            self._marks[table] = object()

    async def brief(self) -> Brief:
        cap, deadline, said = await self._together("now", self._now)
        session = self._session
        assert session is not None
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
            cost_cap=None if cap is None else float(cap),
            seconds_left=None if deadline is None else (deadline - timezone.now()).total_seconds(),
            papers=self._papers,
            brought=timezone.localdate(session.created_at),
            interjections=[str(text) for text in said if text is not None],
        )

    def _now(self) -> tuple[Any, Any, list[Any]]:
        if self._session is None:
            papers = Document.objects.filter(session_id=self._session_id).order_by("position")
            texts = papers.annotate(beginning=Left("text", LONGEST_DOCUMENTS))
            self._papers = [Paper(*row) for row in texts.values_list("name", "kind", "beginning", "characters")]
            self._session = Session.objects.get(pk=self._session_id)
        with connection.cursor() as cursor:
            cursor.execute(_NOW, [self._session_id])
            row = cursor.fetchone()
        if row is None:
            raise Session.DoesNotExist(f"session {self._session_id} has been deleted")
        cap, deadline, said = row
        budget.learnt(self._session_id, budget.Budget(cap, deadline))
        return cap, deadline, json.loads(said)

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
        return await self._rows(SubProblem)

    async def seats(self, sub_problem: int) -> list[dict[str, Any]]:
        return await self._rows(Seat, sub_problem=sub_problem)

    async def seat(self, sub_problem: int, persona: str) -> dict[str, Any] | None:
        rows = await self.seats(sub_problem)
        return next((row for row in rows if row["persona"] == persona), None)

    async def personas(self) -> Mapping[str, Persona]:
        if self._session is None:
            await self.brief()
        assert self._session is not None
        revision = self._session.catalogue_revision
        return history.cached(revision) or await self._run(lambda: history.at(revision))

    async def memo(self) -> dict[str, Any] | None:
        rows = await self._rows(Memo)
        return rows[-1] if rows else None

    async def interventions(self, sub_problem: int) -> list[dict[str, Any]]:
        return await self._rows(Intervention, sub_problem=sub_problem)

    async def spent(self) -> Spent:
        return Spent(*await self._run(lambda: ledger.experience(self._session_id)))

    async def _together(self, name: Any, query: Callable[[], Any]) -> Any:
        """The answer of a query that runs already, or of one that is begun; a caller that is cancelled spoils it for
        nobody."""
        asked = self._asked.get(name)
        if asked is None:
            asked = self._asked[name] = asyncio.ensure_future(self._run(query))
            asked.add_done_callback(lambda _: self._asked.pop(name, None))
        return await asyncio.shield(asked)

    async def _rows(self, model: type[DraftedRow], **where: int) -> list[dict[str, Any]]:
        table = str(model._meta.model_name)
        place = (table, self._marks.get(table), *where.values())
        found = self._kept.get(place)
        if found is None:
            for old in [old for old in self._kept if old[0] == table and old[1] != place[1]]:
                del self._kept[old]
            found = self._kept[place] = await self._together(place, partial(self._query, model, where))
        return [dict(row) for row in found]

    def _query(self, model: type[DraftedRow], where: Mapping[str, int]) -> list[dict[str, Any]]:
        statement, fields = _texts(model, tuple(where))
        with connection.cursor() as cursor:
            cursor.execute(statement, [self._session_id, *where.values()])
            rows = cursor.fetchall()
        return [
            {name: value if read is None else read(value) for (name, read), value in zip(fields, row, strict=True)}
            for row in rows
        ]


@cache
def _texts(
    model: type[DraftedRow], where: tuple[str, ...]
) -> tuple[str, list[tuple[str, Callable[[Any], Any] | None]]]:
    """The statement for texts of one session on its live branch, and its columns.

    Written once for all sessions: the ORM would write it anew each time, which costs more than its execution.
    """
    fields = [field for field in model._meta.concrete_fields if field.name not in _NOT_TEXT]
    # By key where the table says by id: who finished first must not change what the next prompt says.
    order = ["key" if name == "id" else str(name) for name in model._meta.ordering or ()]

    def column(name: str) -> str:
        return connection.ops.quote_name(str(model._meta.get_field(name).column))  # type: ignore[union-attr]

    conditions = "".join(f" AND {column(name)} = %s" for name in where)
    statement = (
        f"SELECT {', '.join(column(field.name) for field in fields)} FROM {model._meta.db_table}"  # noqa: S608
        f" WHERE session_id = %s AND NOT superseded{conditions} ORDER BY {', '.join(map(column, order))}"
    )
    # Django has psycopg hand out JSON as text.
    return statement, [(field.name, json.loads if isinstance(field, JSONField) else None) for field in fields]
