"""The board's answer to the whole decision: a memo whose minority report is checked against the votes."""

from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import aggregation, drafts, keys, material, minority
from sessions.graph.asking import demand
from sessions.graph.options import recommended
from sessions.graph.ports import Context, Reader
from sessions.graph.schemas import Memo
from sessions.graph.state import State
from sessions.prompts import prompt, sections


async def synthesis(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    reader = runtime.context.reader
    brief = await reader.brief()
    votes = await reader.recommendations()
    counted = aggregation.tally(aggregation.ballots(votes))
    answer = await demand(
        runtime,
        Memo,
        node="synthesis",
        system=prompt("synthesis").text,
        prompt=sections.joined(
            material.framed(brief, state["frame"], state.get("clarification", [])),
            sections.block("summary", await _course(reader, votes, counted)),
            sections.items("interjections", await reader.interjections()),
            *_votes(votes),
        ),
        max_tokens=3500,
    )
    memo = answer.value
    chosen = recommended(memo.recommendation, state["frame"]["options"], counted.leader)
    dissent = minority.verified(memo.dissent, votes, chosen)
    head: dict[str, Any] = {
        "recommendation": memo.recommendation,
        "confidence": memo.confidence,
        "confidence_basis": memo.confidence_basis,
        "dissent": dissent,
    }
    return {
        "outbox": [
            drafts.row(
                "memo",
                "memo",
                **head,
                rationale=memo.rationale,
                conditions=memo.conditions,
                tripwires=memo.tripwires,
                option_reviews=[review.model_dump() for review in memo.options],
                offline=answer.offline,
            ),
            drafts.event("memo_ready", "memo", **head),
            drafts.session(phase="planning"),
            drafts.event("phase_started", keys.phase("planning"), phase="planning", sub_problem=None),
        ]
    }


async def _course(reader: Reader, votes: list[dict[str, Any]], counted: aggregation.Tally) -> str:
    """How the debate went, part by part, and what the votes add up to."""
    lines = []
    first: list[dict[str, Any]] = []
    for part in await reader.sub_problems():
        position = part["position"]
        read = await reader.assessments(position)
        first += await reader.contributions(position, 1)
        lines.append(f"Part {position + 1}, {part['title']}: {read[-1]['summary'] if read else 'not assessed'}")
        here = aggregation.tally(aggregation.ballots(vote for vote in votes if vote["sub_problem"] == position))
        absent = len(await reader.seats(position)) - here.voters
        silent = f" ({absent} on this board could not be heard)" if absent > 0 else ""
        lines.append(f"Votes on part {position + 1}: {_standing(here)}{silent}")
    if len(lines) > 2:
        lines.append(f"Votes on all parts: {_standing(counted)}")
    for flip in aggregation.flips(first, aggregation.ballots(votes)):
        lines.append(
            f"{flip.name} changed from {flip.before} ({flip.confidence_before:.2f}) to {flip.after}"
            f" ({flip.confidence_after:.2f})."
        )
    return "\n".join(lines)


def _votes(votes: list[dict[str, Any]]) -> list[str]:
    """A section of votes; one a part where there are several, since the same name may have voted on both."""
    parts = sorted({vote["sub_problem"] for vote in votes})
    return [
        sections.table(
            "votes",
            (_cast(vote) for vote in votes if vote["sub_problem"] == part),
            **({"part": str(part + 1)} if len(parts) > 1 else {}),
        )
        for part in parts
    ]


def _standing(counted: aggregation.Tally) -> str:
    return "; ".join(
        f"{item.option}: {item.votes} of {counted.voters}, {item.weighted:.0%} by confidence"
        for item in counted.options
    )


def _cast(vote: dict[str, Any]) -> tuple[str, str, str, str, str]:
    return (
        vote["name"],
        vote["option"],
        f"{vote['confidence']:.2f}",
        vote["recommendation"],
        "; ".join([*vote["reasons"], *(f"condition: {condition}" for condition in vote["conditions"])]),
    )
