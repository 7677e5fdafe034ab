"""What a mode hands back for a case: one normal form, so that who marks it cannot tell which mode wrote it."""

from pydantic import BaseModel, ConfigDict


class Ballot(BaseModel):
    """One voice: a seat's final vote, or a sample. ``said`` is an option or number, "" when it cannot be read."""

    model_config = ConfigDict(frozen=True)

    who: str
    said: str
    confidence: float | None = None


class Move(BaseModel):
    """Somebody whose last word is not their first, which they gave before hearing anybody."""

    model_config = ConfigDict(frozen=True)

    who: str
    before: str
    after: str


class Answer(BaseModel):
    """``said``: the option or number given, "" when none can be read. ``first``: what the independent first voices
    would have given by plain majority ("" for a tie). With ``code`` there is no answer, and ``message`` says why."""

    model_config = ConfigDict(frozen=True)

    said: str = ""
    first: str = ""
    recommendation: str = ""
    reasons: list[str] = []
    conditions: list[str] = []
    against: str = ""
    change: str = ""
    confidence: float | None = None
    ballots: list[Ballot] = []
    moves: list[Move] = []
    lost: int = 0
    offline: bool = False
    code: str = ""
    message: str = ""
    recoverable: bool = False

    @property
    def failed(self) -> bool:
        return bool(self.code)

    @property
    def agreement(self) -> float | None:
        """The share of all voices that said what was answered; None where there is one voice or none."""
        if self.failed or len(self.ballots) < 2:
            return None
        return sum(ballot.said == self.said for ballot in self.ballots) / len(self.ballots)


def failure(code: str, message: str, *, recoverable: bool) -> Answer:
    return Answer(code=code[:64], message=message, recoverable=recoverable)
