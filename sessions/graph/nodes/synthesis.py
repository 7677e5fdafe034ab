"""The board's answer to the whole decision: a memo whose minority report is checked against the votes, and whose
statements are linked to what they rest on. Over several parts it says how their answers fit together.
"""

from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import aggregation, consistency, drafts, keys, material, minority
from sessions.graph.asking import demand
from sessions.graph.options import recommended
from sessions.graph.ports import Context, Reader
from sessions.graph.schemas import Dissent, Memo
from sessions.graph.sources import References
from sessions.graph.state import State
from sessions.prompts import prompt, sections


async def synthesis(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    reader = runtime.context.reader
    brief = await reader.brief()
    votes = await reader.recommendations()
    parts = await reader.sub_problems()
    said = await _said(reader, parts)
    counted = aggregation.tally(aggregation.ballots(votes))
    references = References(votes, said)
    answer = await demand(
        runtime,
        Memo,
        node="synthesis",
        system=prompt("synthesis").text,
        prompt=sections.joined(
            material.framed(brief, state["frame"], state.get("clarification", [])),
            sections.block("summary", await _course(reader, parts, said, votes, counted)),
            sections.items("consistency", consistency.tensions(parts, votes)),
            sections.items("interjections", brief.interjections),
            *_votes(votes, references),
            sections.table("contributions", (_claim(row, references) for row in said)),
        ),
        max_tokens=4000,
    )
    memo = answer.value
    recommendation = references.statement("recommendation", memo.recommendation)
    chosen = recommended(recommendation, state["frame"]["options"], counted.leader)
    head: dict[str, Any] = {
        "recommendation": recommendation,
        "confidence": memo.confidence,
        "confidence_basis": references.clean(memo.confidence_basis),
        "dissent": minority.verified(_plain(memo.dissent, references), votes, chosen),
    }
    body: dict[str, Any] = {
        "rationale": references.statement("rationale", memo.rationale),
        "conditions": references.statements("conditions", memo.conditions),
        "tripwires": references.statements("tripwires", memo.tripwires),
        "option_reviews": [
            {
                "option": review.option,
                "strengths": references.statements(f"options.{number}.strengths", review.strengths),
                "weaknesses": references.statements(f"options.{number}.weaknesses", review.weaknesses),
            }
            for number, review in enumerate(memo.options)
        ],
        "consistency": [references.clean(line) for line in memo.consistency] if len(parts) > 1 else [],
    }
    return {
        "outbox": [
            drafts.row("memo", "memo", **head, **body, sources=references.sources, offline=answer.offline),
            drafts.event("memo_ready", "memo", **head),
            drafts.session(phase="planning"),
            drafts.event("phase_started", keys.phase("planning"), phase="planning", sub_problem=None),
        ]
    }


async def _said(reader: Reader, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What everybody said first and last, in every part."""
    found: list[dict[str, Any]] = []
    for part in parts:
        rows = await reader.contributions(part["position"])
        last = max((row["round"] for row in rows), default=0)
        found += [row for row in rows if row["round"] in (1, last)]
    return found


async def _course(
    reader: Reader,
    parts: list[dict[str, Any]],
    said: list[dict[str, Any]],
    votes: list[dict[str, Any]],
    counted: aggregation.Tally,
) -> str:
    """How the debate went, part by part, and what the votes add up to."""
    lines = []
    for part in parts:
        position = part["position"]
        read = await reader.assessments(position)
        lines.append(f"Part {position + 1}, {part['title']}: {read[-1]['summary'] if read else 'not assessed'}")
        here = aggregation.tally(aggregation.ballots(vote for vote in votes if vote["sub_problem"] == position))
        absent = len(await reader.seats(position)) - here.voters
        silent = f" ({absent} on this board could not be heard)" if absent > 0 else ""
        lines.append(f"Votes on part {position + 1}: {_standing(here)}{silent}")
    if len(parts) > 1:
        lines.append(f"Votes on all parts: {_standing(counted)}")
    for flip in aggregation.flips(said, aggregation.ballots(votes)):
        lines.append(
            f"{flip.name} changed from {flip.before} ({flip.confidence_before:.2f}) to {flip.after}"
            f" ({flip.confidence_after:.2f})."
        )
    return "\n".join(lines)


def _votes(votes: list[dict[str, Any]], references: References) -> list[str]:
    """A section of votes; one a part where there are several, since the same name may have voted on both."""
    parts = sorted({vote["sub_problem"] for vote in votes})
    return [
        sections.table(
            "votes",
            (_cast(vote, references) for vote in votes if vote["sub_problem"] == part),
            **({"part": str(part + 1)} if len(parts) > 1 else {}),
        )
        for part in parts
    ]


def _standing(counted: aggregation.Tally) -> str:
    return "; ".join(
        f"{item.option}: {item.votes} of {counted.voters}, {item.weighted:.0%} by confidence"
        for item in counted.options
    )


def _cast(vote: dict[str, Any], references: References) -> tuple[str, ...]:
    return (
        references.of(vote),
        vote["name"],
        vote["option"],
        f"{vote['confidence']:.2f}",
        vote["recommendation"],
        "; ".join([*vote["reasons"], *(f"condition: {condition}" for condition in vote["conditions"])]),
    )


def _claim(row: dict[str, Any], references: References) -> tuple[str, ...]:
    return (
        references.of(row),
        row["name"],
        row["option"],
        f"{row['confidence']:.2f}",
        f"round {row['round']}: {row['claim']}",
    )


def _plain(dissent: Dissent, references: References) -> Dissent:
    return dissent.model_copy(
        update={"position": references.clean(dissent.position), "quote": references.clean(dissent.quote)}
    )
