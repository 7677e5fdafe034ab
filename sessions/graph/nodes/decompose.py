"""Splits the question into one to four parts that can be debated one by one."""

from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import drafts, keys, material
from sessions.graph.asking import demand
from sessions.graph.ports import Context
from sessions.graph.schemas import Decomposition, SubProblemDraft
from sessions.graph.state import State
from sessions.prompts import prompt


async def decompose(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    brief = await runtime.context.reader.brief()
    framed = state["frame"]
    answer = await demand(
        runtime,
        Decomposition,
        node="decompose",
        system=prompt("decompose").render(complexity=str(framed["complexity"])),
        prompt=material.framed(brief, framed, state.get("clarification", [])),
        max_tokens=1200,
    )
    found = distinct(answer.value.sub_problems)
    listed: list[dict[str, Any]] = [{"position": n, **item.model_dump()} for n, item in enumerate(found)]
    return {
        "parts": len(found),
        "sub_problem": 0,
        "outbox": [
            *(drafts.row("subproblem", keys.part(item["position"]), **item) for item in listed),
            drafts.event("decomposed", "decomposed", sub_problems=listed),
            drafts.session(phase="selecting"),
            drafts.event("phase_started", keys.phase("selecting", 0), phase="selecting", sub_problem=0),
        ],
    }


def distinct(found: list[SubProblemDraft]) -> list[SubProblemDraft]:
    """Without a part that asks the same question again."""
    return list({" ".join(item.question.casefold().split()): item for item in reversed(found)}.values())[::-1]
