"""Chooses the board of one sub-problem: three to five people whose methods differ."""

from collections.abc import Iterable
from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import drafts, keys, material, routing
from sessions.graph.asking import demand
from sessions.graph.ports import Context
from sessions.graph.schemas import Selection
from sessions.graph.state import State
from sessions.graph.texts import question_of
from sessions.personas import Persona
from sessions.personas.seating import dealt, seated
from sessions.prompts import prompt, sections


async def select(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    part = state["sub_problem"]
    framed = state["frame"]
    brief = await runtime.context.reader.brief()
    question = await question_of(runtime.context.reader, part, framed)
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
            material.framed(brief, framed, state.get("clarification", []), question),
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
    listed: list[dict[str, Any]] = [
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
    return {
        "seats": {str(part): [item["persona"] for item in listed]},
        "round": 1,
        "outbox": [
            *(
                drafts.row("seat", keys.seat(part, item["persona"]), sub_problem=part, position=n, **item)
                for n, item in enumerate(listed)
            ),
            drafts.event("board_selected", keys.board(part), sub_problem=part, seats=listed),
        ],
    }


def _listed(tag: str, people: Iterable[Persona]) -> str:
    return sections.table(tag, ((who.slug, who.name, who.method, ", ".join(who.domains)) for who in people))
