"""A suite: cases that every mode is asked, and what a good answer to each must contain."""

import hashlib
import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    DECISION = "decision"  # options to weigh; marked by a rubric, and by a key where one is defensible
    CHOICE = "choice"  # a question with one right option
    NUMBER = "number"  # a question whose answer is a number


@dataclass(frozen=True, slots=True)
class Criterion:
    """Something a good answer does. With ``mentions`` it is met when the answer contains one of these phrases
    (whatever their case); without, a judge says whether it is. ``weight`` is relative to the case's other criteria."""

    id: str
    text: str
    weight: float = 1.0
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """``key`` is the right option in its own words, or the right number; empty where no answer is right by itself.
    ``why`` and ``weigh`` are for readers and the judge, and never shown to who answers."""

    id: str
    kind: Kind
    problem: str
    context: str = ""
    options: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    key: str = ""
    why: str = ""
    weigh: tuple[str, ...] = ()
    rubric: tuple[Criterion, ...] = ()
    domain: str = ""
    tolerance: Decimal = Decimal(0)

    @property
    def task(self) -> str:
        """The problem with what kind of answer is wanted, the same words for every mode."""
        if self.kind is Kind.CHOICE:
            return f"Which of the options answers this question correctly?\n\n{self.problem}"
        if self.kind is Kind.NUMBER:
            return f"Work out the number that answers this question, and state it at the end.\n\n{self.problem}"
        return self.problem


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    cases: tuple[Case, ...]

    @property
    def digest(self) -> str:
        """Changes with every letter of the suite (hex, 64 characters); not with the file's name or format."""
        text = json.dumps([asdict(case) for case in self.cases], sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def first(self, count: int | None) -> "Suite":
        """The first ``count`` cases; all of them when None."""
        return self if count is None else Suite(self.name, self.cases[:count])
