"""One persona's turn in one round. Several run side by side, each sent with its own ``Turn``.

A failed call is no exception here: an exception would cancel the neighbours, whose answers are paid for. The failure
is returned as data, and the join (``assess``) decides what it means.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from llm.errors import LLMError
from sessions.graph import drafts, keys, material, peers, texts
from sessions.graph.asking import ask, fence
from sessions.graph.options import meant
from sessions.graph.ports import Context, Reader
from sessions.graph.schemas import Position
from sessions.graph.state import Turn
from sessions.graph.turns import failed
from sessions.prompts import prompt, sections


async def persona(turn: Turn, runtime: Runtime[Context], config: RunnableConfig) -> dict[str, Any]:
    reader = runtime.context.reader
    part, number, slug = turn["sub_problem"], turn["round"], turn["persona"]
    key = keys.turn(part, number, slug)
    speaker = await texts.who(reader, part, slug)
    brief = await reader.brief()
    said = [item for item in await reader.contributions(part) if item["round"] < number] if number > 1 else []
    try:
        answer = await ask(
            runtime,
            Position,
            node="persona",
            persona=slug,
            system=prompt("persona").render(
                persona=material.persona(speaker), stage=prompt(stage(number, turn["of"])).text
            ),
            prompt=sections.joined(
                material.framed(brief, turn["frame"], turn["clarification"], turn["question"]),
                await texts.settled(reader, turn["depends_on"]),
                sections.round_(number, turn["of"]),
                await _so_far(turn, said, reader),
                sections.items("interjections", brief.interjections),
            ),
            max_tokens=1600,
            prefer=await texts.provider_of(reader, part, slug),
        )
    except LLMError as error:
        outcome = failed(slug, error, fence=fence(config))
        return {
            "turns": {key: outcome},
            "outbox": [
                drafts.event(
                    "contribution_failed",
                    keys.failure(key, fence(config)),
                    sub_problem=part,
                    round=number,
                    persona=slug,
                    name=speaker.name,
                    code=error.code,
                    message=error.message,
                )
            ],
        }
    word = answer.value
    named = peers.unmasking(_last(said, number), reader=slug, round_=number)
    words: dict[str, Any] = {
        "sub_problem": part,
        "round": number,
        "persona": slug,
        "name": speaker.name,
        "option": meant(word.option, turn["frame"]["options"]),
        "claim": named(word.claim),
        "reasons": [named(reason) for reason in word.reasons],
        "conditions": [named(condition) for condition in word.conditions],
        "response": named(word.response) if number > 1 else "",
        "confidence": word.confidence,
        "offline": answer.offline,
    }
    return {
        "turns": {key: {"spoke": True}},
        "outbox": [
            drafts.row("contribution", key, **words, provider=answer.provider, model=answer.model),
            drafts.event("contribution", key, **words, key=key),
        ],
    }


def stage(number: int, of: int) -> str:
    """The prompt file of a round: explore alone, then challenge, and converge in the last."""
    if number == 1:
        return "persona-explore"
    return "persona-converge" if number >= of else "persona-challenge"


async def _so_far(turn: Turn, said: Sequence[dict[str, Any]], reader: Reader) -> str:
    """What was ``said`` before, without its speakers. Nothing at all in the first round: it is independent."""
    number, part, slug = turn["round"], turn["sub_problem"], turn["persona"]
    if number == 1:
        return ""
    names = await texts.names_of(reader, part)
    read = [item for item in await reader.assessments(part) if item["round"] < number]
    spoken = await reader.interventions(part) if turn["moderated"] else []
    return sections.joined(
        peers.own([item for item in said if item["persona"] == slug], reader=slug, names=names),
        peers.heard(_last(said, number), reader=slug, round_=number, names=names),
        sections.block("summary", peers.anonymous(read[-1]["summary"], names) if read else ""),
        peers.moderated([item for item in spoken if item["round"] == number], names=names),
        sections.block("guidance", peers.anonymous(read[-1]["guidance"], names) if read else ""),
    )


def _last(said: Sequence[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """What was said in the round before round ``number``."""
    return [item for item in said if item["round"] == number - 1]
