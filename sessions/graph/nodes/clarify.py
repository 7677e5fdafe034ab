"""Asks the owner what the frame could not do without. The graph rests here until the answers come."""

from collections.abc import Mapping
from typing import Any

from langgraph.types import interrupt

from sessions.graph.state import Exchange, State

#: Characters of an answer that are kept.
LONGEST_ANSWER = 4000
UNANSWERED = "(not answered)"


async def clarify(state: State) -> dict[str, Any]:
    """Nothing may happen before the interrupt: this node runs again from its start when the answers are there."""
    questions = state["questions"]
    answers = interrupt({"questions": questions})
    return {"clarification": paired(questions, answers), "questions": [], "asked": True}


def paired(questions: list[str], answers: Any) -> list[Exchange]:
    """Answers beside their questions, in order. Blank and missing ones say so; a map may be given by question."""
    if isinstance(answers, Mapping):
        given = [answers.get(question, answers.get(str(number), "")) for number, question in enumerate(questions)]
    elif isinstance(answers, (list, tuple)):
        given = list(answers)
    else:
        given = [answers]
    texts = [str(answer or "").strip()[:LONGEST_ANSWER] for answer in given][: len(questions)]
    texts += [""] * (len(questions) - len(texts))
    return [
        {"question": question, "answer": text or UNANSWERED} for question, text in zip(questions, texts, strict=True)
    ]
