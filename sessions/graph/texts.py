"""Texts that several nodes look up through the reader."""

from sessions.graph.ports import Reader
from sessions.graph.state import FrameState
from sessions.personas import Persona


async def question_of(reader: Reader, sub_problem: int, framed: FrameState) -> str:
    """The question of a sub-problem; the frame's own where the row could not be stored."""
    for row in await reader.sub_problems():
        if row["position"] == sub_problem:
            return str(row["question"])
    return framed["question"]


async def names_of(reader: Reader, sub_problem: int) -> list[str]:
    return [str(row["name"]) for row in await reader.seats(sub_problem)]


async def who(reader: Reader, sub_problem: int, slug: str) -> Persona:
    """The persona of a seat, as the session's catalogue has it. A stranger keeps the name and method of its seat."""
    known = (await reader.personas()).get(slug)
    if known is not None:
        return known
    row = await reader.seat(sub_problem, slug)
    name, method = (str(row["name"]), str(row["method"])) if row else (slug, slug)
    return Persona(
        slug=slug,
        name=name,
        method=method,
        reasons=f"You reason by one method, {method}, and stay with it.",
        domains=(),
        temperament="analytical",
        blind_spot="what this method cannot see.",
    )


async def provider_of(reader: Reader, sub_problem: int, slug: str) -> str:
    """The provider that a seat is to be asked through first; empty for no preference."""
    row = await reader.seat(sub_problem, slug)
    return str(row["provider"]) if row else ""
