"""The graph's read-only port on our tables: texts of one session, live branch only."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import JSONField
from django.utils import timezone

from bo1site.resilience import statement
from llm import budget, ledger
from sessions.graph.ports import Brief, Paper, Spent
from sessions.models import (
    Assessment,
    Contribution,
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
#: Cost cap, deadline, and what the owner has said.
_Now = tuple[Any, Any, list[Any]]
#: A name, and what reads the value as PostgreSQL's driver hands it out; None for one that is ready.
_Column = tuple[str, Callable[[Any], Any] | None]

_NOT_TEXT = frozenset({"session", "superseded", "checkpoint_id", "created_at"})
#: What nobody changes while the board sits.
_DECISION = """s.problem_statement, s.context, s.options::text, s.constraints::text, s.max_rounds,
    s.experts_picked::text, s.experts_vetoed::text, s.review_frame, s.created_at, s.catalogue_revision, (
        SELECT coalesce(json_agg(json_build_array(d.name, d.kind, left(d.text, %s), d.characters) ORDER BY d.position),
            '[]')::text
        FROM board_document d WHERE d.session_id = s.id
    )"""
#: What others may change while the board sits, in one statement: every step asks it, and through the ORM it costs
#: more processor time than the database takes for it.
_NOW = """s.cost_cap, s.deadline, (
    SELECT coalesce(json_agg(e.data -> 'text' ORDER BY e.sequence), '[]')::text FROM board_event e
    WHERE e.session_id = s.id AND e.type = 'interjection'
)"""
_OF_ONE = " FROM board_session s WHERE s.id = %s"
#: Seconds for which what was read with the decision counts for a first step.
_JUST_READ = 1.0


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
        self._brought: tuple[Brief, int] | None = None
        #: When the decision was read (monotonic), and what else was read with it: a first step needs both.
        self._first: tuple[float, _Now] | None = None
        self._kept: dict[_Place, list[dict[str, Any]]] = {}
        self._asked: dict[Any, asyncio.Future[Any]] = {}
        #: A mark for each table, another one after each change: an answer counts for the mark under which it was asked.
        self._marks: dict[str, object] = {}

    def changed(self, tables: Iterable[str]) -> None:
        """The run has stored rows in ``tables``. From any thread, after the commit and before the next step."""
        for table in tables:
            self._marks[table] = object()

    def warm(self) -> None:
        """Begin to read the decision, for a step that is about to ask for it."""
        asked = asyncio.ensure_future(self._decision())
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever needs it asks again

    async def brief(self) -> Brief:
        decision, _ = await self._decision()
        first, self._first = self._first, None
        if first is not None and time.monotonic() - first[0] < _JUST_READ:
            cap, deadline, said = first[1]
        else:
            cap, deadline, said = await self._together("now", self._now)
        return replace(
            decision,
            cost_cap=None if cap is None else float(cap),
            seconds_left=None if deadline is None else (deadline - timezone.now()).total_seconds(),
            interjections=[str(text) for text in said if text is not None],
        )

    async def _decision(self) -> tuple[Brief, int]:
        """What the owner brought, and the revision of the catalogue that the session keeps."""
        return self._brought or await self._together("decision", self._bring)

    def _bring(self) -> tuple[Brief, int]:
        began = time.monotonic()
        problem, context, options, constraints, rounds, picked, vetoed, review, created, revision, papers, *now = (
            self._one(f"SELECT {_DECISION}, {_NOW} {_OF_ONE}", LONGEST_DOCUMENTS, self._session_id)
        )
        brief = Brief(
            session_id=self._session_id,
            problem=problem,
            context=context,
            options=json.loads(options),
            constraints=json.loads(constraints),
            max_rounds=rounds,
            picked=json.loads(picked),
            vetoed=json.loads(vetoed),
            review=review,
            papers=[Paper(*paper) for paper in json.loads(papers)],
            brought=timezone.localdate(created),
        )
        self._first = began, self._learnt(*now)
        self._brought = brief, revision
        return self._brought

    def _now(self) -> _Now:
        return self._learnt(*self._one(f"SELECT {_NOW} {_OF_ONE}", self._session_id))

    def _learnt(self, cap: Any, deadline: Any, said: str) -> _Now:
        budget.learnt(self._session_id, budget.Budget(cap, deadline))
        return cap, deadline, json.loads(said)

    def _one(self, sql: str, *values: Any) -> tuple[Any, ...]:
        found = statement.rows(sql, values)
        if not found:
            raise Session.DoesNotExist(f"session {self._session_id} has been deleted")
        return found[0]

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
        _, revision = await self._decision()
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
        sql, fields = _texts(model, tuple(where))
        return [
            {name: value if read is None else read(value) for (name, read), value in zip(fields, row, strict=True)}
            for row in statement.rows(sql, [self._session_id, *where.values()])
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
    sql = (
        f"SELECT {', '.join(column(field.name) for field in fields)} FROM {model._meta.db_table}"  # noqa: S608
        f" WHERE session_id = %s AND NOT superseded{conditions} ORDER BY {', '.join(map(column, order))}"
    )
    # Django has psycopg hand out JSON as text.
    return sql, [(field.name, json.loads if isinstance(field, JSONField) else None) for field in fields]
