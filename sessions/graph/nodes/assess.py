"""The join of a round: who was heard, what the round established, and how the board goes on.

It ends the sub-problem before it asks anybody when too few were heard (sessions/graph/turns.py says how a retry mends
that). The verdict is the rules' (sessions/graph/stopping.py, sessions/graph/moderation.py); the facilitator's wish is
one of them.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from llm.errors import LLMError
from sessions.graph import drafts, keys, material, measures, moderation, stopping, texts
from sessions.graph.asking import ask, fence
from sessions.graph.broken import broken
from sessions.graph.failures import DeliberationFailed
from sessions.graph.means import means
from sessions.graph.ports import Context
from sessions.graph.rounds import opened
from sessions.graph.schemas import Assessment
from sessions.graph.state import Call, Debate, ReadingState
from sessions.graph.stopping import Decision, Verdict
from sessions.graph.turns import halted, halts, roll_call
from sessions.prompts import prompt, sections


async def assess(state: Debate, runtime: Runtime[Context], config: RunnableConfig) -> dict[str, Any]:
    part, number, board = state["sub_problem"], state["round"], state["board"]
    turns = state.get("turns", {})
    turn_keys = {slug: keys.turn(part, number, slug) for slug in board}
    try:
        again = roll_call(turns, turn_keys, fence=fence(config), node="assess")
    except DeliberationFailed as error:
        return broken(state, error, fence=fence(config), halts=halted(turns))
    if again:
        return {"recall": again}

    reader = runtime.context.reader
    brief = await reader.brief()
    clarification = state.get("clarification", [])
    everything = [item for item in await reader.contributions(part) if item["round"] <= number]
    said = [item for item in everything if item["round"] == number]
    before = [item for item in everything if item["round"] < number]
    earlier = [item for item in await reader.assessments(part) if item["round"] < number]
    try:
        answer = await ask(
            runtime,
            Assessment,
            node="assess",
            tier="fast",
            system=prompt("assess").render(owner=_ASKED if state.get("consulted") else _MAY_ASK),
            prompt=sections.joined(
                material.framed(brief, state["frame"], clarification, state["question"]),
                await texts.settled(reader, state.get("depends_on", [])),
                sections.round_(number, state["max_rounds"]),
                sections.block("summary", earlier[-1]["summary"] if earlier else ""),
                sections.items("interjections", brief.interjections),
                sections.table("contributions", (_spoken(item) for item in said)),
            ),
            max_tokens=1400,
        )
    except LLMError as error:
        failed = DeliberationFailed(error.code, error.message, recoverable=error.recoverable, node="assess")
        return broken(state, failed, fence=fence(config), halts=halts(error))
    found = answer.value
    about = material.words(brief, state["frame"], state["question"])
    now = measures.reading(
        number,
        said,
        before,
        seats=len(board),
        asked=(found.convergence, found.novelty, found.conflict),
        material=about,
    )
    readings = sorted([*state.get("readings", {}).values(), now], key=lambda item: item["round"])
    readings = [item for item in readings if item["round"] <= number]
    verdict = stopping.verdict(
        readings,
        max_rounds=state["max_rounds"],
        asked=found.decision,
        reason=found.reason,
        guidance=found.guidance,
        means=await means(reader, brief, seats=len(board)),
    )
    unheard = moderation.unheard(about, everything)
    decision, reason, call = _next(state, verdict, found, readings, unheard)
    read: dict[str, Any] = {
        "sub_problem": part,
        "round": number,
        "summary": found.summary,
        "convergence": now["convergence"],
        "novelty": now["novelty"],
        "conflict": now["conflict"],
        "open_questions": found.open_questions,
        "decision": decision,
        "reason": reason,
        "guidance": verdict.guidance,
    }
    key = keys.assessment(part, number)
    written = [drafts.row("assessment", key, **read), drafts.event("round_assessed", key, **read)]
    update: dict[str, Any] = {
        "recall": [],
        "decision": decision,
        "readings": {keys.round_(part, number): now},
        "turns": dict.fromkeys(turn_keys.values()),
        "outbox": written,
    }
    if decision == "vote":
        if state.get("alone"):
            written.append(drafts.session(phase="voting"))
        written.append(drafts.event("phase_started", keys.phase("voting", part), phase="voting", sub_problem=part))
        return update
    update["round"] = number + 1
    if call is not None:
        return update | {"call": call}
    if decision == "clarify":
        return update | {"questions": found.ask_owner}
    written += opened(state, number + 1, verdict.guidance)
    return update


_MAY_ASK = "You may have the owner asked once"
_ASKED = "The owner has been asked already, so clarify is no longer possible"


def _next(
    state: Debate, verdict: Verdict, found: Assessment, readings: Sequence[ReadingState], unheard: Sequence[str]
) -> tuple[Decision, str, Call | None]:
    """What follows, why in words for the owner, and the moderator that is called, if any."""
    if verdict.decision == "vote":
        return "vote", verdict.reason, None
    if found.decision == "clarify" and found.ask_owner and not state.get("consulted"):
        return "clarify", verdict.reason, None
    call = moderation.wanted(
        readings,
        max_rounds=state["max_rounds"],
        called=state.get("moderators", []),
        unheard=unheard,
        asked=found.moderator if found.decision == "moderate" else "",
        reason=found.reason,
    )
    if call is None:
        return "continue", verdict.reason, None
    return "moderate", f"{moderation.MODERATORS[call['moderator']]} is called: {call['reason']}", call


def _spoken(item: dict[str, Any]) -> tuple[str, str, str, str, str]:
    held = [f"condition: {condition}" for condition in item["conditions"]]
    return (
        item["name"],
        item["option"],
        f"{item['confidence']:.2f}",
        item["claim"],
        "; ".join([*item["reasons"], *held]),
    )
