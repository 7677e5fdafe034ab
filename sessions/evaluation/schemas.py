"""What the harness asks of a model: the schemas a provider must answer in, and the questions that carry a case.

The class names travel to the provider as the schemas' titles, and the descriptions with them: both are part of the
prompt.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sessions.evaluation.suite import Case
from sessions.prompts import sections

Line = Annotated[str, Field(min_length=1, max_length=600)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class SoloVote(Form):
    """One advisor's answer to a decision or question."""

    reasons: list[Line] = Field(min_length=1, max_length=6)
    conditions: list[Line] = Field(max_length=5, description="What must hold for the answer to stand")
    against: Line = Field(description="The strongest case against the answer")
    would_change_my_mind: Line = Field(description="One observation that could really be made")
    option: Line = Field(description="One option from the list, in its own words")
    recommendation: Line = Field(description="What to do or what is right, in one sentence")
    confidence: Share


class SoloFigure(Form):
    """One advisor's answer to a question whose answer is a number."""

    reasons: list[Line] = Field(min_length=1, max_length=8, description="The working, step by step")
    answer: Line = Field(description="The number alone")
    confidence: Share


class Mark(Form):
    criterion: Annotated[str, Field(min_length=1, max_length=40)] = Field(description="The criterion's id")
    met: bool
    evidence: Annotated[str, Field(max_length=400)] = Field(
        description="Words copied from the answer that show it; empty when the criterion is not met"
    )


class RubricMarks(Form):
    """An examiner's marks for one answer."""

    marks: list[Mark] = Field(max_length=30, description="One for each criterion")
    chosen: Annotated[str, Field(max_length=400)] = Field(
        description="The option the answer is for, in its own words; empty when it is for none"
    )
    defensible: bool = Field(description="Whether a careful person could choose as the answer does")
    comment: Annotated[str, Field(max_length=400)]


def brief(case: Case, options: tuple[str, ...]) -> str:
    """The case as whoever answers it sees it: without key, reasons or rubric. ``options`` are in the order to show."""
    return sections.joined(
        sections.block("decision", case.task),
        sections.block("context", case.context),
        sections.items("options", options),
        sections.items("constraints", case.constraints),
    )
