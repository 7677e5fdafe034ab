"""Chooses the board of one sub-problem: three to five people whose methods differ."""

from collections.abc import Iterable
from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import drafts, keys, material, routing
from sessions.graph.asking import demand
from sessions.graph.drafts import Draft
from sessions.graph.ports import Context
from sessions.graph.schemas import Selection
from sessions.graph.state import SeatState, Selecting
from sessions.personas import Persona
from sessions.personas.seating import dealt, seated
from sessions.prompts import prompt, sections


async def select(state: Selecting, runtime: Runtime[Context]) -> dict[str, Any]:
    part, question = state["sub_problem"], state["question"]
    framed = state["frame"]
    brief = await runtime.context.reader.brief()
    people = await runtime.context.reader.personas()
    free = [who for who in people.values() if not who.retired and who.slug not in brief.vetoed]
    wanted = routing.seats_for(framed["complexity"])
    answer = await demand(
        runtime,
        Selection,
        node="select",
        tier="fast",
        system=prompt("select").render(seats=str(wanted)),
        prompt=sections.joined(
            material.framed(brief, framed, state["clarification"], question),
            _listed("wanted", [who for who in free if who.slug in brief.picked]),
            _listed("catalogue", free),
        ),
        max_tokens=900,
    )
    board = seated(
        [(seat.persona, seat.reason) for seat in answer.value.seats],
        people,
        text=" ".join([brief.problem, question]),
        wanted=wanted,
        picked=brief.picked,
        vetoed=brief.vetoed,
    )
    listed: list[SeatState] = [
        {
            "persona": who.slug,
            "name": who.name,
            "method": who.method,
            "reason": reason,
            "version": who.version,
            "provider": provider,
        }
        for (who, reason), provider in zip(board, dealt(len(board), runtime.context.families), strict=True)
    ]
    seats = {str(part): [item["persona"] for item in listed]}
    if state["review"]:
        return {"seats": seats, "boards": {str(part): listed}}
    return {"seats": seats, "outbox": announced(part, listed)}


def announced(part: int, listed: list[SeatState]) -> list[Draft]:
    """The rows of the seats of a sub-problem, and the event that names them."""
    return [
        *(
            drafts.row("seat", keys.seat(part, item["persona"]), sub_problem=part, position=n, **item)
            for n, item in enumerate(listed)
        ),
        drafts.event("board_selected", keys.board(part), sub_problem=part, seats=listed),
    ]


def _listed(tag: str, people: Iterable[Persona]) -> str:
    return sections.table(tag, ((who.slug, who.name, who.method, ", ".join(who.domains)) for who in people))
