"""The sections that every question to a model starts with: the decision as its owner brought it, and its frame."""

from sessions.graph.ports import Brief
from sessions.graph.state import Exchange, FrameState
from sessions.personas import Persona
from sessions.prompts import sections


def brought(brief: Brief, clarification: list[Exchange]) -> str:
    """The owner's own words, before there is a frame."""
    return sections.joined(
        _story(brief, clarification),
        sections.items("options", brief.options),
        sections.items("constraints", brief.constraints),
    )


def framed(brief: Brief, frame: FrameState, clarification: list[Exchange], question: str = "") -> str:
    """The owner's words and the frame; ``question`` is the sub-problem (the frame's question when empty)."""
    return sections.joined(
        _story(brief, clarification),
        sections.items("options", frame["options"]),
        sections.items("constraints", brief.constraints),
        sections.items("criteria", frame["criteria"]),
        sections.block("question", question or frame["question"]),
    )


def words(brief: Brief, frame: FrameState, question: str = "") -> str:
    """The decision's own words, to measure a debate against."""
    return " ".join(
        [
            *(brief.problem, brief.context, question or frame["question"]),
            *(*brief.options, *brief.constraints, *frame["options"], *frame["criteria"]),
        ]
    )


def persona(who: Persona) -> str:
    """The section of the system prompt that says who speaks. Its text is ours, yet escaped like any other."""
    head = " ".join(
        f'{name}="{sections.attribute(value)}"'
        for name, value in (("slug", who.slug), ("name", who.name), ("method", who.method))
    )
    text = f"{who.reasons}\nYour temperament: {who.temperament}. What you tend to miss: {who.blind_spot}"
    return f"<persona {head}>\n{sections.escaped(text)}\n</persona>"


def _story(brief: Brief, clarification: list[Exchange]) -> str:
    return sections.joined(
        sections.block("decision", brief.problem),
        sections.block("context", brief.context),
        sections.documents([(paper.name, paper.kind, paper.text, paper.characters) for paper in brief.papers]),
        sections.items("answers", [f"{item['question']} — {item['answer']}" for item in clarification]),
    )
