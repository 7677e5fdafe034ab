"""Cases and answers to mark, and the offline provider over HTTP for what asks a model."""

from typing import Any

from sessions.evaluation.answer import Answer, Ballot
from sessions.evaluation.budget import Spend
from sessions.evaluation.figures import Result
from sessions.evaluation.suite import Case, Criterion, Kind
from tests.llm.conftest import _no_connection_left_behind, offline, offline_process

__all__ = ["_no_connection_left_behind", "offline", "offline_process"]

OPTIONS = ("Open a second shop", "Expand wholesale", "Wait a year")


def decision(id_: str = "bakery", key: str = "Expand wholesale", **fields: Any) -> Case:
    rubric = fields.pop("rubric", (Criterion("c1", "Weighs the debt"), Criterion("c2", "Names cafés", 1.0, ("café",))))
    return Case(
        id_,
        Kind.DECISION,
        "Our bakery can open a second shop this spring, or sell bread to four cafés.",
        options=OPTIONS,
        key=key,
        rubric=rubric,
        **fields,
    )


def number(id_: str = "eggs", key: str = "31") -> Case:
    return Case(id_, Kind.NUMBER, "Tom has 3 boxes with 12 eggs each and breaks 5. How many are whole?", key=key)


def said(option: str, *votes: str, **fields: Any) -> Answer:
    ballots = [Ballot(who=f"Voice {n}", said=vote, confidence=0.5) for n, vote in enumerate(votes or (option,))]
    return Answer(**{"said": option, "first": option, "recommendation": option, "ballots": ballots, **fields})


def result(case: Case, mode: str, answer: Answer, tokens: int = 100, **fields: Any) -> Result:
    return Result(case, mode, answer, Spend(tokens, 1), fields.pop("budget", 1000), **fields)
