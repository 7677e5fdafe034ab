"""The join of a round: who was heard, what the round established, and whether the board goes on.

It fails before it asks anybody when too few were heard (sessions/graph/turns.py says how a retry mends that). The
verdict is the rules' (sessions/graph/routing.py); the facilitator's wish is one of them.
"""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from sessions.graph import drafts, keys, material, measures, routing, texts
from sessions.graph.asking import demand, fence
from sessions.graph.ports import Context
from sessions.graph.schemas import Assessment
from sessions.graph.state import State
from sessions.graph.turns import roll_call
from sessions.prompts import prompt, sections


async def assess(state: State, runtime: Runtime[Context], config: RunnableConfig) -> dict[str, Any]:
    part, number = state["sub_problem"], state["round"]
    board = routing.board(state)
    turn_keys = {slug: keys.turn(part, number, slug) for slug in board}
    again = roll_call(state.get("turns", {}), turn_keys, fence=fence(config), node="assess")
    if again:
        return {"recall": again}

    reader = runtime.context.reader
    brief = await reader.brief()
    everything = [item for item in await reader.contributions(part) if item["round"] <= number]
    said = [item for item in everything if item["round"] == number]
    before = [item for item in everything if item["round"] < number]
    earlier = [item for item in await reader.assessments(part) if item["round"] < number]
    answer = await demand(
        runtime,
        Assessment,
        node="assess",
        tier="fast",
        system=prompt("assess").text,
        prompt=sections.joined(
            material.framed(
                brief,
                state["frame"],
                state.get("clarification", []),
                await texts.question_of(reader, part, state["frame"]),
            ),
            sections.round_(number, state["max_rounds"]),
            sections.block("summary", earlier[-1]["summary"] if earlier else ""),
            sections.items("interjections", await reader.interjections()),
            sections.table("contributions", (_spoken(item) for item in said)),
        ),
        max_tokens=1400,
    )
    found = answer.value
    now = measures.reading(
        number, said, before, seats=len(board), asked=(found.convergence, found.novelty, found.conflict)
    )
    round_key = keys.round_(part, number)
    readings = sorted([*state.get("readings", {}).values(), now], key=lambda item: item["round"])
    verdict = routing.verdict(
        [item for item in readings if item["round"] <= number],
        max_rounds=state["max_rounds"],
        asked=found.decision,
        reason=found.reason,
        guidance=found.guidance,
    )
    read: dict[str, Any] = {
        "sub_problem": part,
        "round": number,
        "summary": found.summary,
        "convergence": now["convergence"],
        "novelty": now["novelty"],
        "conflict": now["conflict"],
        "open_questions": found.open_questions,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "guidance": verdict.guidance,
    }
    key = keys.assessment(part, number)
    written = [drafts.row("assessment", key, **read), drafts.event("round_assessed", key, **read)]
    update: dict[str, Any] = {
        "recall": [],
        "decision": verdict.decision,
        "readings": {round_key: now},
        "turns": dict.fromkeys(turn_keys.values()),
        "outbox": written,
    }
    if verdict.decision == "continue":
        return update | {"round": number + 1}
    written += [
        drafts.session(phase="voting"),
        drafts.event("phase_started", keys.phase("voting", part), phase="voting", sub_problem=part),
    ]
    return update | {"readings": dict.fromkeys(state.get("readings", {}))}


def _spoken(item: dict[str, Any]) -> tuple[str, str, str, str, str]:
    held = [f"condition: {condition}" for condition in item["conditions"]]
    return (
        item["name"],
        item["option"],
        f"{item['confidence']:.2f}",
        item["claim"],
        "; ".join([*item["reasons"], *held]),
    )
