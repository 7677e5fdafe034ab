"""What each step asks of a model: the schemas a provider must answer in.

The class name travels to the provider as the schema's title, and the field descriptions travel with it, so both are
part of the prompt. Bounds are enforced after the answer arrives (providers support only a subset of JSON Schema).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Line = Annotated[str, Field(min_length=1, max_length=400)]
Prose = Annotated[str, Field(min_length=1, max_length=4000)]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Frame(Answer):
    """The decision restated so that a board can work on it."""

    title: Annotated[str, Field(min_length=3, max_length=120)] = Field(description="At most twelve words")
    question: Line = Field(description="The one question the board must answer")
    complexity: Annotated[int, Field(ge=1, le=10)] = Field(description="1 = routine, 10 = irreversible")
    options: list[Line] = Field(min_length=2, max_length=6, description="The real alternatives, the owner's own first")
    criteria: list[Line] = Field(min_length=1, max_length=6, description="What a good outcome is measured by")
    missing_facts: list[Line] = Field(
        max_length=3, description="Questions without whose answer no responsible advice is possible; usually empty"
    )


class SubProblemDraft(Answer):
    title: Annotated[str, Field(min_length=3, max_length=120)]
    question: Line
    depends_on: list[Annotated[int, Field(ge=1, le=4)]] = Field(
        default_factory=list,
        max_length=3,
        description="Numbers (1, 2, …) of earlier parts that must be settled before this one; usually none",
    )


class Decomposition(Answer):
    """The question split into parts that can be debated one by one; one part when splitting would not help."""

    sub_problems: list[SubProblemDraft] = Field(min_length=1, max_length=4)


class Seat(Answer):
    persona: str = Field(description="The slug of a persona from the catalogue")
    reason: Line = Field(description="Why this way of thinking is needed for this question")


class Selection(Answer):
    """Three to five personas whose methods differ."""

    seats: list[Seat] = Field(min_length=3, max_length=5)


class Position(Answer):
    """One contribution to a round."""

    option: Line = Field(description="The option argued for, in its own words from the list of options")
    claim: Line = Field(description="The contribution in one sentence")
    reasons: list[Line] = Field(min_length=1, max_length=5)
    conditions: list[Line] = Field(max_length=4, description="What must hold for the claim to stand")
    response: Annotated[str, Field(max_length=1200)] = Field(
        description="What in the peers' arguments changed or hardened the position; empty in the first round"
    )
    confidence: Share


class Assessment(Answer):
    """The facilitator's reading of a round."""

    summary: Prose = Field(description="What the round established, at most 150 words")
    convergence: Share = Field(description="1 = all argue for the same option for compatible reasons")
    novelty: Share = Field(description="1 = everything said was new, 0 = nothing was")
    conflict: Share = Field(description="1 = positions exclude each other")
    open_questions: list[Line] = Field(max_length=4)
    decision: Literal["continue", "moderate", "clarify", "vote"]
    reason: Line = Field(description="Why the board should go on, or why it is ready")
    guidance: Annotated[str, Field(max_length=600)] = Field(description="What the next round should settle")
    moderator: Literal["none", "contrarian", "sceptic", "optimist", "ethicist"] = Field(
        default="none", description="Whom to call before the next round; none unless the decision is moderate"
    )
    ask_owner: list[Line] = Field(
        default_factory=list,
        max_length=2,
        description="What only the owner can know and the debate turns on; empty unless the decision is clarify",
    )


class Intervention(Answer):
    """A moderator's word into the next round: no option, no vote."""

    claim: Line = Field(description="What the board must face, in one sentence")
    points: list[Line] = Field(min_length=1, max_length=3, description="Observations about this case that carry it")
    question: Line = Field(description="The one question that everybody has to answer in the next round")


class Vote(Answer):
    """A persona's final recommendation on a sub-problem."""

    option: Line
    recommendation: Line = Field(description="What to do, in one sentence")
    confidence: Share
    reasons: list[Line] = Field(min_length=1, max_length=5)
    conditions: list[Line] = Field(max_length=4)
    would_change_my_mind: Line


class Dissent(Answer):
    persona: str = Field(description="The name of who holds it; empty when the board was unanimous")
    position: Line = Field(description="The strongest case against the recommendation")
    quote: Annotated[str, Field(max_length=400)] = Field(description="The dissenter's own words")


class OptionReview(Answer):
    option: Line
    strengths: list[Line] = Field(max_length=4)
    weaknesses: list[Line] = Field(max_length=4)


class Memo(Answer):
    """The board's answer to the whole decision."""

    recommendation: Line = Field(description="What to do, in one sentence")
    confidence: Share
    confidence_basis: Line
    rationale: Prose
    dissent: Dissent
    conditions: list[Line] = Field(max_length=6)
    tripwires: list[Line] = Field(max_length=5, description="Observations that should reopen the decision")
    options: list[OptionReview] = Field(min_length=1, max_length=6)
    consistency: list[Line] = Field(
        default_factory=list,
        max_length=5,
        description="Where answers to several parts pull apart, and how the recommendation deals with it; else empty",
    )


class ActionDraft(Answer):
    title: Annotated[str, Field(min_length=3, max_length=120)]
    what: Line
    owner: Annotated[str, Field(max_length=80)] = Field(description="A role, not a name")
    due_in_days: Annotated[int, Field(ge=0, le=730)]
    priority: Literal["high", "medium", "low"]
    success: Line = Field(description="How one can tell that it is done")
    kill: Annotated[str, Field(max_length=400)] = Field(description="When to stop; may be empty")


class ActionPlan(Answer):
    """What to do next, in order."""

    actions: list[ActionDraft] = Field(min_length=1, max_length=8)
