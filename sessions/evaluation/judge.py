"""Marks that need a judge: a model that reads the case, the criteria and an answer, and nothing about its mode.

A mark counts only with words copied from the answer: a judge that praises what is not there gives nothing. The judge is
not told the key; what it holds defensible is laid beside the key, and where the two differ the report shows it.
"""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from llm.errors import LLMError
from llm.types import Request
from sessions.evaluation import scoring
from sessions.evaluation.answer import Answer
from sessions.evaluation.sampling import Speak
from sessions.evaluation.schemas import RubricMarks, brief
from sessions.evaluation.suite import Case, Criterion
from sessions.prompts import prompt, sections


class Marks(BaseModel):
    """``met``: criteria met, with words that show it. ``unsupported``: held to be met, but the words are not in the
    answer. ``unmarked``: not spoken about. With ``code`` the judge gave no usable marks, and ``message`` says why."""

    model_config = ConfigDict(frozen=True)

    met: list[str] = []
    unsupported: list[str] = []
    unmarked: list[str] = []
    chosen: str = ""
    defensible: bool | None = None
    comment: str = ""
    offline: bool = False
    code: str = ""
    message: str = ""
    recoverable: bool = False


def criteria(case: Case) -> list[Criterion]:
    """Those that need a judge."""
    return [item for item in case.rubric if not item.mentions]


async def mark(case: Case, answer: Answer, judge_id: UUID, speak: Speak) -> Marks:
    """The judge's marks for an answer; a failure of the judge is returned as data."""
    request: Request[Any] = Request(
        schema=RubricMarks,
        system=prompt("evaluate-judge").render(),
        prompt=question(case, answer),
        max_tokens=3000,
        temperature=0.0,
        session_id=judge_id,
        task_id="judge",
        node="judge",
    )
    try:
        completion = await speak(request)
    except LLMError as error:
        return Marks(code=error.code, message=error.message, recoverable=error.recoverable)
    return read(case, answer, completion.value, offline=completion.offline)


def question(case: Case, answer: Answer) -> str:
    """The judge's prompt: neither key nor mode nor names are in it."""
    return sections.joined(
        brief(case, case.options),
        sections.items("weigh", case.weigh),
        sections.table("rubric", [(item.id, item.text) for item in criteria(case)]),
        sections.block("answer", scoring.rendered(answer)),
    )


def read(case: Case, answer: Answer, given: RubricMarks, *, offline: bool = False) -> Marks:
    """What of the marks counts. The first mark for a criterion is taken; ids that the case has not are left out."""
    text = scoring.rendered(answer)
    met: list[str] = []
    unsupported: list[str] = []
    seen: set[str] = set()
    known = {item.id for item in criteria(case)}
    for one in given.marks:
        name = one.criterion.strip()
        if name not in known or name in seen:
            continue
        seen.add(name)
        if one.met:
            (met if scoring.contains(text, one.evidence) else unsupported).append(name)
    return Marks(
        met=met,
        unsupported=unsupported,
        unmarked=[item.id for item in criteria(case) if item.id not in seen],
        chosen=scoring.option_of(given.chosen, case.options) if given.chosen else "",
        defensible=given.defensible,
        comment=given.comment,
        offline=offline,
    )


def score(case: Case, answer: Answer, marks: Marks | None) -> float | None:
    """Weight of the criteria met over the weight of all, from 0 to 1; 0 for a failed answer.

    None where the case has no rubric, or needs a judge that has not marked it.
    """
    if not case.rubric:
        return None
    if answer.failed:
        return 0.0
    judged = set(marks.met) if marks is not None and not marks.code else None
    if judged is None and criteria(case):
        return None
    total = sum(item.weight for item in case.rubric)
    met = sum(
        item.weight
        for item in case.rubric
        if (scoring.mentioned(item, answer) if item.mentions else item.id in (judged or ()))
    )
    return met / total
