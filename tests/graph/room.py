"""A room to run the graph in: a scripted voice instead of a model, and memory instead of tables.

What is under test is the graph, so both are honest and small: the voice answers in the real schemas, the room checks
every draft against the event contract and the real tables' columns and stores it as the sink does (first key wins,
visible as soon as the task's writes are).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from django.apps import apps
from django.db.models import CharField
from langgraph.checkpoint.memory import InMemorySaver

from llm.errors import Condition, LLMError
from llm.types import Completion, Request, Usage
from sessions import event_types
from sessions.graph.build import RECURSION_LIMIT, build
from sessions.graph.ports import Brief, Context, Spent
from sessions.graph.schemas import (
    ActionPlan,
    Assessment,
    Decomposition,
    Dissent,
    Frame,
    Intervention,
    Memo,
    OptionReview,
    Position,
    Selection,
    Vote,
)
from sessions.graph.state import initial_state
from sessions.personas import Persona, catalogue

OPTIONS = ["Move to Lisbon", "Stay in Leeds"]
BOARD = ["pre-mortem", "cost-benefit", "stakeholders"]
_OWN_COLUMNS = {"id", "session", "key", "superseded", "created_at"}


def outage(code: str = "overloaded", condition: Condition = Condition.OVERLOADED) -> LLMError:
    return LLMError(code, "The model is overloaded. Try again shortly.", condition=condition, provider="anthropic")


@dataclass
class Voice:
    """Answers every schema from a script; ``fail`` may raise for a request instead. Keeps all requests."""

    complexity: int = 5
    parts: int = 1
    needs: dict[int, list[int]] = field(default_factory=dict)
    board: list[str] = field(default_factory=lambda: list(BOARD))
    missing: list[str] = field(default_factory=list)
    option: Callable[[str, int], str] = lambda persona, round_: OPTIONS[persona != "cost-benefit"]
    assess: dict[str, Any] = field(default_factory=dict)
    dissent: Dissent = field(default_factory=lambda: Dissent(persona="", position="The other case.", quote=""))
    fail: Callable[[Request[Any]], LLMError | None] = lambda request: None
    requests: list[Request[Any]] = field(default_factory=list)

    def asked(self, node: str) -> list[Request[Any]]:
        return [request for request in self.requests if request.node == node]

    async def __call__(self, request: Request[Any]) -> Completion[Any]:
        self.requests.append(request)
        await asyncio.sleep(0)
        error = self.fail(request)
        if error is not None:
            raise error
        value = getattr(self, f"_{request.schema.__name__.lower()}")(request)
        return Completion(
            value=value,
            provider="anthropic",
            model="scripted",
            usage=Usage(10, 10),
            cost=None,
            latency=0.01,
            replayed=False,
            offline=True,
        )

    def _frame(self, request: Request[Any]) -> Frame:
        return Frame(
            title="Where support should sit",
            question="Should the team move?",
            complexity=self.complexity,
            options=OPTIONS,
            criteria=["cost per ticket", "people kept"],
            missing_facts=self.missing,
        )

    def _decomposition(self, request: Request[Any]) -> Decomposition:
        parts = [
            {
                "title": f"Part {n}",
                "question": f"Which option does aspect{n} favour?",
                "depends_on": self.needs.get(n, []),
            }
            for n in range(self.parts)
        ]
        return Decomposition.model_validate({"sub_problems": parts})

    def _selection(self, request: Request[Any]) -> Selection:
        seats = [{"persona": slug, "reason": f"Needed for {slug}."} for slug in self.board]
        return Selection.model_validate({"seats": seats})

    def _position(self, request: Request[Any]) -> Position:
        number = int(request.prompt.split('<round number="')[1].split('"')[0])
        option = self.option(request.persona, number)
        return Position(
            option=option,
            claim=f"claim of voice{_word(request.persona)} in round{number}",
            reasons=[f"evidence{number} from voice{_word(request.persona)} weighs for {option}"],
            conditions=["rents stay flat"],
            response="I heard nothing yet." if number == 1 else "One argument moved me.",
            confidence=min(0.9, 0.4 + 0.1 * number),
        )

    def _assessment(self, request: Request[Any]) -> Assessment:
        values: dict[str, Any] = {
            "summary": "The board weighed both options.",
            "convergence": 0.4,
            "novelty": 0.6,
            "conflict": 0.5,
            "open_questions": [],
            "decision": "continue",
            "reason": "One clash is open.",
            "guidance": "Settle the rent.",
        }
        return Assessment.model_validate(values | self.assess)

    def _intervention(self, request: Request[Any]) -> Intervention:
        return Intervention(claim="You agree too soon.", points=["Rents may rise."], question="What if rents double?")

    def _vote(self, request: Request[Any]) -> Vote:
        option = self.option(request.persona, 99)
        return Vote(
            option=option.lower(),
            recommendation=f"{option}, says {request.persona}.",
            confidence=0.7,
            reasons=[f"Because voice{_word(request.persona)} counted the rents."],
            conditions=[],
            would_change_my_mind="Rents above 30 a square metre.",
        )

    def _memo(self, request: Request[Any]) -> Memo:
        return Memo(
            recommendation="Stay in Leeds and hire there.",
            confidence=0.66,
            confidence_basis="Two of three.",
            rationale="The rents decided.",
            dissent=self.dissent,
            conditions=["Hire four by May"],
            tripwires=["Two leave before June"],
            options=[OptionReview(option=option, strengths=["s"], weaknesses=["w"]) for option in OPTIONS],
        )

    def _actionplan(self, request: Request[Any]) -> ActionPlan:
        action = {
            "title": "Ask the team",
            "what": "Ask all fourteen who would stay.",
            "owner": "Head of support",
            "due_in_days": 5,
            "priority": "high",
            "success": "Fourteen answers",
            "kill": "",
        }
        return ActionPlan.model_validate({"actions": [action]})


class Room:
    """The reader, and the rows and events that the drafts became."""

    def __init__(self, brief: Brief | None = None) -> None:
        self.session_id: UUID = uuid4()
        self.said = brief or Brief(
            self.session_id, "Move the support team or stay?", "Fourteen people.", list(OPTIONS), ["No layoffs"], 4
        )
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.fields: dict[str, Any] = {}
        self.ended: dict[str, Any] | None = None
        self.spoken_to: list[str] = []
        self.people: Mapping[str, Persona] = catalogue()
        self.cost = Spent()

    def take(self, drafts: Sequence[dict[str, Any]]) -> None:
        for draft in drafts:
            check(draft)
            kind, data = draft["kind"], draft["data"]
            if kind == "row":
                self.rows.setdefault(draft["table"], {}).setdefault(draft["key"], data)
            elif kind == "event":
                self.events.setdefault(draft["key"], {"type": draft["type"], **data})
            elif kind == "session":
                self.fields |= data
            else:
                self.ended = data

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [event for event in self.events.values() if event["type"] == type_]

    def table(self, name: str, **wanted: Any) -> list[dict[str, Any]]:
        rows = self.rows.get(name, {}).items()
        return [{"key": key, **row} for key, row in rows if all(row[name] == value for name, value in wanted.items())]

    async def brief(self) -> Brief:
        return replace(self.said, interjections=self.spoken_to)

    async def contributions(self, sub_problem: int, round_: int | None = None) -> list[dict[str, Any]]:
        wanted = {"sub_problem": sub_problem} if round_ is None else {"sub_problem": sub_problem, "round": round_}
        return sorted(self.table("contribution", **wanted), key=lambda row: row["key"])

    async def assessments(self, sub_problem: int) -> list[dict[str, Any]]:
        return sorted(self.table("assessment", sub_problem=sub_problem), key=lambda row: row["round"])

    async def recommendations(self, sub_problem: int | None = None) -> list[dict[str, Any]]:
        rows = self.table("recommendation", **({} if sub_problem is None else {"sub_problem": sub_problem}))
        return sorted(rows, key=lambda row: row["key"])

    async def sub_problems(self) -> list[dict[str, Any]]:
        return sorted(self.table("subproblem"), key=lambda row: row["position"])

    async def seats(self, sub_problem: int) -> list[dict[str, Any]]:
        return sorted(self.table("seat", sub_problem=sub_problem), key=lambda row: row["position"])

    async def seat(self, sub_problem: int, persona: str) -> dict[str, Any] | None:
        return next((row for row in await self.seats(sub_problem) if row["persona"] == persona), None)

    async def personas(self) -> Mapping[str, Persona]:
        return self.people

    async def memo(self) -> dict[str, Any] | None:
        return next(iter(self.table("memo")), None)

    async def interventions(self, sub_problem: int) -> list[dict[str, Any]]:
        return self.table("intervention", sub_problem=sub_problem)

    async def spent(self) -> Spent:
        return self.cost


class RoomSaver(InMemorySaver):
    """LangGraph's saver in memory, with a sink: what a task wrote to ``outbox`` is stored with its writes."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.room = room

    def put_writes(self, config: Any, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = "") -> None:
        super().put_writes(config, writes, task_id, task_path)
        for channel, value in writes:
            if channel == "outbox":
                self.room.take(value)


@dataclass
class Deliberation:
    """A session that can be driven, broken and driven again; every drive is a claim with a higher fence."""

    voice: Any = field(default_factory=Voice)
    room: Room = field(default_factory=Room)
    fence: int = 0
    families: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.graph = build(RoomSaver(self.room))

    @property
    def config(self) -> dict[str, Any]:
        return {
            "configurable": {"thread_id": str(self.room.session_id), "fence": self.fence},
            "recursion_limit": RECURSION_LIMIT,
            "max_concurrency": 16,
        }

    async def drive(self, given: Any = ..., *, claim: bool = True) -> Any:
        """``given`` is the input of a new deliberation when left out, None to resume, or a command."""
        self.fence += claim
        return await self.graph.ainvoke(
            initial_state() if given is ... else given,
            self.config,
            context=Context(self.room.session_id, self.room, self.voice, self.families),
            durability="sync",
        )

    async def next(self) -> tuple[str, ...]:
        return (await self.graph.aget_state(self.config)).next


def check(draft: dict[str, Any]) -> None:
    """Raise unless the sink could store the draft as it is."""
    kind, data = draft["kind"], draft["data"]
    if kind == "event":
        assert draft["key"], draft
        event_types.check(draft["type"], data)
    elif kind == "row":
        assert 0 < len(draft["key"]) <= 200, draft
        model = apps.get_model("board", draft["table"])
        columns = {item.name: item for item in model._meta.concrete_fields if item.name not in _OWN_COLUMNS}
        assert set(data) <= set(columns), (draft["table"], set(data) - set(columns))
        needed = {name for name, item in columns.items() if not item.has_default()}
        assert needed <= set(data), (draft["table"], needed - set(data))
        for name, value in data.items():
            item = columns[name]
            if isinstance(item, CharField):
                assert len(value) <= (item.max_length or 10**9), (name, value)
            if value not in ("", [], {}):
                item.clean(value, None)
    elif kind == "session":
        session = apps.get_model("board", "Session")
        assert set(data) <= {"title", "phase", "round", "max_rounds"}, data
        for name, value in data.items():
            session._meta.get_field(name).to_python(value)
    else:
        assert kind == "end", draft
        event_types.check("session_completed", data)


def _word(slug: str) -> str:
    return slug.replace("-", "")
