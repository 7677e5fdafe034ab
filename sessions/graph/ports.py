"""What the graph needs from outside, handed to it as LangGraph's runtime context.

Nodes import neither models nor providers: they read texts through ``Reader`` and ask models through ``speak``.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from llm.types import Completion, Request
from sessions.personas.catalogue import Persona


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that the decision was brought with: the beginning of its text, and how many characters it has."""

    name: str
    kind: str
    text: str
    characters: int


@dataclass(frozen=True, slots=True)
class Brief:
    """The decision as its owner brought it, and when, and what the owner has said since; its limits: ``cost_cap`` in US
    dollars, ``seconds_left`` of its time; None where there is none."""

    session_id: UUID
    problem: str
    context: str = ""
    options: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    max_rounds: int = 4
    #: Slugs of personas that the owner wants on every board, and of those that may sit on none.
    picked: list[str] = field(default_factory=list)
    vetoed: list[str] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    review: bool = False
    cost_cap: float | None = None
    seconds_left: float | None = None
    brought: date | None = None
    #: What the owner has said to the board since it began, in order.
    interjections: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a session's calls have come to: US dollars of those whose price is known, and how many those are; the
    seconds that the longest took."""

    dollars: float = 0.0
    calls: int = 0
    longest: float = 0.0


class Reader(Protocol):
    """Texts of one session, live branch only. Rows come as plain dicts with the columns of their table, in order."""

    async def brief(self) -> Brief: ...

    async def contributions(self, sub_problem: int, round_: int | None = None) -> list[dict[str, Any]]: ...

    async def assessments(self, sub_problem: int) -> list[dict[str, Any]]: ...

    async def recommendations(self, sub_problem: int | None = None) -> list[dict[str, Any]]: ...

    async def sub_problems(self) -> list[dict[str, Any]]: ...

    async def seats(self, sub_problem: int) -> list[dict[str, Any]]: ...

    async def seat(self, sub_problem: int, persona: str) -> dict[str, Any] | None:
        """One seat. It never changes once it is stored, so asking again costs nothing."""

    async def personas(self) -> Mapping[str, Persona]:
        """The catalogue that the session keeps, by slug; retired ones too, since a board may have them."""

    async def memo(self) -> dict[str, Any] | None: ...

    async def interventions(self, sub_problem: int) -> list[dict[str, Any]]: ...

    async def spent(self) -> Spent: ...


Speak = Callable[[Request[Any]], Awaitable[Completion[Any]]]


@dataclass(frozen=True, slots=True)
class Context:
    """LangGraph's ``context``: ``Runtime[Context].context`` in every node."""

    session_id: UUID
    reader: Reader
    speak: Speak
    #: Providers that can be asked, the primary first. With more than one, the seats of a board are dealt among them.
    families: tuple[str, ...] = ()
