"""Turns the memo into what to do next, in order."""

from typing import Any

from langgraph.runtime import Runtime

from sessions.graph import drafts, keys, material
from sessions.graph.asking import demand
from sessions.graph.failures import DeliberationFailed
from sessions.graph.ports import Context
from sessions.graph.schemas import ActionPlan
from sessions.graph.state import State
from sessions.prompts import prompt, sections


async def plan(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    reader = runtime.context.reader
    memo = await reader.memo()
    if memo is None:
        raise DeliberationFailed(
            "memo_missing",
            "The memo could not be stored, so there is nothing to plan from. Retry from the step before it.",
            recoverable=False,
            node="plan",
        )
    brief = await reader.brief()
    answer = await demand(
        runtime,
        ActionPlan,
        node="plan",
        system=prompt("plan").text,
        prompt=sections.joined(
            material.framed(brief, state["frame"], state.get("clarification", [])),
            sections.block("brought", f"{brief.brought:%A, %-d %B %Y}" if brief.brought else ""),
            sections.block("memo", described(memo)),
        ),
        max_tokens=2500,
    )
    actions = [{"position": n, **item.model_dump()} for n, item in enumerate(answer.value.actions)]
    shown = ("position", "title", "owner", "due_in_days", "priority")
    return {
        "outbox": [
            *(drafts.row("actionproposal", keys.action(item["position"]), **item) for item in actions),
            drafts.event(
                "actions_ready", "actions", actions=[{name: item[name] for name in shown} for item in actions]
            ),
        ]
    }


def described(memo: dict[str, Any]) -> str:
    dissent = memo["dissent"]
    lines = [
        f"Recommendation: {memo['recommendation']}",
        f"Confidence: {memo['confidence']:.2f}. {memo['confidence_basis']}",
        f"Rationale: {memo['rationale']}",
        f"Dissent{' by ' + dissent['persona'] if dissent.get('persona') else ''}: {dissent.get('position', '')}",
        *(f"Condition: {condition}" for condition in memo["conditions"]),
        *(f"Tripwire: {tripwire}" for tripwire in memo["tripwires"]),
    ]
    return "\n".join(lines)
