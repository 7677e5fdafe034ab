"""A moderator's word into the next round. Called by the measures (sessions/graph/moderation.py), heard without a name.

A failed call is told and costs nothing else: the round opens all the same.
"""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from llm.errors import LLMError
from sessions.graph import drafts, keys, material, peers, texts
from sessions.graph.asking import ask, fence
from sessions.graph.moderation import MODERATORS
from sessions.graph.ports import Context
from sessions.graph.rounds import opened
from sessions.graph.schemas import Intervention
from sessions.graph.state import Debate
from sessions.prompts import prompt, sections


async def moderate(state: Debate, runtime: Runtime[Context], config: RunnableConfig) -> dict[str, Any]:
    reader = runtime.context.reader
    part, number, call = state["sub_problem"], state["round"], state["call"]
    who = call["moderator"]
    key = keys.moderator(part, number)
    brief = await reader.brief()
    names = await texts.names_of(reader, part)
    read = (await reader.assessments(part))[-1:]
    said = [item for item in await reader.contributions(part) if item["round"] == number - 1]
    guidance = read[0]["guidance"] if read else ""
    update: dict[str, Any] = {"moderators": [*state.get("moderators", []), who]}
    try:
        answer = await ask(
            runtime,
            Intervention,
            node="moderate",
            persona=who,
            tier="fast",
            system=prompt("moderate").render(
                task=prompt(f"moderate-{who}").text, moderator=f'<moderator role="{who}"/>'
            ),
            prompt=sections.joined(
                material.framed(brief, state["frame"], state.get("clarification", []), state["question"]),
                sections.round_(number, state["max_rounds"]),
                sections.block("summary", peers.anonymous(read[0]["summary"], names) if read else ""),
                peers.heard(said, reader=who, round_=number, names=names),
                sections.items("interjections", brief.interjections),
            ),
            max_tokens=900,
        )
    except LLMError as error:
        failed = drafts.event(
            "contribution_failed",
            keys.failure(key, fence(config)),
            sub_problem=part,
            round=number,
            persona=who,
            name=MODERATORS[who],
            code=error.code,
            message=error.message,
        )
        return update | {"outbox": [failed, *opened(state, number, guidance)]}
    words: dict[str, Any] = {
        "sub_problem": part,
        "round": number,
        "moderator": who,
        "name": MODERATORS[who],
        "cause": call["cause"],
        "reason": call["reason"],
        "claim": answer.value.claim,
        "points": answer.value.points,
        "question": answer.value.question,
        "offline": answer.offline,
    }
    spoken = [drafts.row("intervention", key, **words), drafts.event("intervention", key, key=key, **words)]
    return update | {"outbox": [*spoken, *opened(state, number, guidance)]}
