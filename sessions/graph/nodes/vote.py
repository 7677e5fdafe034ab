"""One persona's final word on a sub-problem. As ``persona``, it returns a failed call as data."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from llm.errors import LLMError
from sessions.graph import drafts, keys, material, peers, texts
from sessions.graph.asking import ask, fence
from sessions.graph.options import meant
from sessions.graph.ports import Context
from sessions.graph.schemas import Vote
from sessions.graph.state import Turn
from sessions.graph.turns import failed
from sessions.prompts import prompt, sections


async def vote(turn: Turn, runtime: Runtime[Context], config: RunnableConfig) -> dict[str, Any]:
    reader = runtime.context.reader
    part, slug = turn["sub_problem"], turn["persona"]
    key = keys.vote(part, slug)
    voter = await texts.who(reader, part, slug)
    brief = await reader.brief()
    names = await texts.names_of(reader, part)
    said = await reader.contributions(part)
    last = max((item["round"] for item in said), default=0)
    heard = [item for item in said if item["round"] == last]
    read = await reader.assessments(part)
    try:
        answer = await ask(
            runtime,
            Vote,
            node="vote",
            persona=slug,
            system=prompt("vote").render(persona=material.persona(voter)),
            prompt=sections.joined(
                material.framed(brief, turn["frame"], turn["clarification"], turn["question"]),
                await texts.settled(reader, turn["depends_on"]),
                peers.own([item for item in said if item["persona"] == slug], reader=slug, names=names),
                peers.heard(heard, reader=slug, round_=last + 1, names=names),
                sections.block("summary", peers.anonymous(read[-1]["summary"], names) if read else ""),
                sections.items("interjections", brief.interjections),
            ),
            max_tokens=1400,
            prefer=await texts.provider_of(reader, part, slug),
        )
    except LLMError as error:
        return {
            "turns": {key: failed(slug, error, fence=fence(config))},
            "outbox": [
                drafts.event(
                    "contribution_failed",
                    keys.failure(key, fence(config)),
                    sub_problem=part,
                    round=last,
                    persona=slug,
                    name=voter.name,
                    code=error.code,
                    message=error.message,
                )
            ],
        }
    word = answer.value
    named = peers.unmasking(heard, reader=slug, round_=last + 1)
    cast: dict[str, Any] = {
        "sub_problem": part,
        "persona": slug,
        "name": voter.name,
        "option": meant(word.option, turn["frame"]["options"]),
        "recommendation": named(word.recommendation),
        "confidence": word.confidence,
        "reasons": [named(reason) for reason in word.reasons],
        "conditions": [named(condition) for condition in word.conditions],
        "would_change_my_mind": named(word.would_change_my_mind),
        "offline": answer.offline,
    }
    return {
        "turns": {key: {"spoke": True}},
        "outbox": [drafts.row("recommendation", key, **cast), drafts.event("vote", key, **cast, key=key)],
    }
