"""Splits the question into one to four parts that can be debated one by one."""

from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import drafts, keys, material, routing
from sessions.graph.asking import demand
from sessions.graph.drafts import Draft
from sessions.graph.ports import Context
from sessions.graph.schemas import Decomposition, SubProblemDraft
from sessions.graph.state import PartState, State
from sessions.prompts import prompt


async def decompose(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    """A simple decision is left whole, and nobody is asked about it."""
    brief = await runtime.context.reader.brief()
    framed = state["frame"]
    most = routing.parts_for(framed["complexity"])
    outline: list[PartState] = [{"title": framed["title"], "question": framed["question"], "depends_on": []}]
    if most > 1:
        answer = await demand(
            runtime,
            Decomposition,
            node="decompose",
            system=prompt("decompose").render(complexity=str(framed["complexity"]), most=str(most)),
            prompt=material.framed(brief, framed, state.get("clarification", [])),
            max_tokens=1200,
        )
        outline = outlined(answer.value.sub_problems, most)
    place = 0 if len(outline) == 1 else None
    return {
        "outline": outline,
        "review": brief.review,
        "outbox": [
            *([] if brief.review else announced(outline)),
            drafts.session(phase="selecting"),
            drafts.event("phase_started", keys.phase("selecting", place), phase="selecting", sub_problem=place),
        ],
    }


def announced(outline: list[PartState]) -> list[Draft]:
    """The rows of the sub-problems, and the event that names them."""
    listed: list[dict[str, Any]] = [{"position": position, **part} for position, part in enumerate(outline)]
    return [
        *(drafts.row("subproblem", keys.part(item["position"]), **item) for item in listed),
        drafts.event("decomposed", "decomposed", sub_problems=listed),
    ]


def outlined(found: list[SubProblemDraft], most: int) -> list[PartState]:
    """At most ``most`` parts, none of which asks the same question again, each depending on earlier ones only."""
    kept: dict[str, int] = {}
    position: dict[int, int] = {}
    outline: list[PartState] = []
    for number, part in enumerate(found, 1):
        asked = " ".join(part.question.casefold().split())
        if asked not in kept and len(outline) < most:
            kept[asked] = len(outline)
            needed = sorted({position[before] for before in part.depends_on if before in position})
            outline.append({"title": part.title, "question": part.question, "depends_on": needed})
        if asked in kept:
            position[number] = kept[asked]
    return outline
