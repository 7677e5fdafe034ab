"""Texts that several nodes look up through the reader."""

from collections.abc import Sequence

from sessions.graph import aggregation
from sessions.graph.ports import Reader
from sessions.personas import Persona
from sessions.prompts import sections


async def settled(reader: Reader, positions: Sequence[int]) -> str:
    """The section of what sub-problems came to on which another one depends."""
    if not positions:
        return ""
    titles = {row["position"]: row["title"] for row in await reader.sub_problems()}
    lines = []
    for position in positions:
        counted = aggregation.tally(aggregation.ballots(await reader.recommendations(position)))
        votes = ", ".join(f"{one.option} {one.votes} of {counted.voters}" for one in counted.options)
        lines.append(f"{titles.get(position, f'Part {position + 1}')}: {votes}")
    return sections.items("settled", lines)


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
