"""An evaluation in figures: by mode, and between modes on the same cases."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations

from sessions.evaluation import judge, scoring, statistics
from sessions.evaluation.answer import Answer
from sessions.evaluation.budget import Spend
from sessions.evaluation.judge import Marks
from sessions.evaluation.statistics import Estimate
from sessions.evaluation.suite import Case


@dataclass(frozen=True, slots=True)
class Result:
    """One trial with all that is known of it."""

    case: Case
    mode: str
    answer: Answer
    spend: Spend
    budget: int
    marks: Marks | None = None
    judged: Spend = field(default_factory=Spend)

    @property
    def right(self) -> bool | None:
        """Whether the key was met; None without a key. A failure is not right."""
        return scoring.is_right(self.case, "" if self.answer.failed else self.answer.said)

    @property
    def score(self) -> float | None:
        return judge.score(self.case, self.answer, self.marks)

    @property
    def over(self) -> bool:
        return self.spend.over(self.budget)

    @property
    def turned(self) -> str:
        """How the answer differs from what the first independent voices would have given: ``to right``, ``to wrong``,
        ``sideways`` (wrong both times, or no key to tell), or "" when it does not differ or nothing came before."""
        return _turn(self.case, self.answer.first, "" if self.answer.failed else self.answer.said)

    @property
    def moves(self) -> list[str]:
        """The same for each voice that changed its mind."""
        return [turn for move in self.answer.moves if (turn := _turn(self.case, move.before, move.after))]

    @property
    def quarrel(self) -> str:
        """Where judge and key, or judge and reader, disagree, in words; "" where they do not."""
        if self.marks is None or self.marks.code or self.answer.failed:
            return ""
        found = []
        if self.right is not None and self.marks.defensible is not None and self.marks.defensible != self.right:
            found.append(
                "the judge finds the choice defensible, the key does not"
                if self.marks.defensible
                else "the key is met, but the judge does not find the choice defensible"
            )
        if self.marks.chosen and self.marks.chosen != self.answer.said:
            found.append(f"the judge reads “{self.marks.chosen}” in the answer, not “{self.answer.said or 'nothing'}”")
        return "; ".join(found)


@dataclass(frozen=True, slots=True)
class ModeFigures:
    """``accuracy`` is over all cases with a key, failures included; in ``within`` what went over budget is wrong."""

    mode: str
    results: tuple[Result, ...]
    accuracy: Estimate | None
    within: Estimate | None
    rubric: Estimate | None
    agreement: Estimate | None
    tokens: Estimate | None
    turns: Counter[str]
    moves: Counter[str]
    failed: int
    unreadable: int
    over: int
    calls: int
    failed_calls: int
    unknown_calls: int
    cost: Decimal
    judge_tokens: int
    judge_cost: Decimal
    judge_failed: int
    unsupported: int

    @property
    def failures(self) -> Counter[str]:
        return Counter(result.answer.code for result in self.results if result.answer.failed)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``one`` beside ``other`` on the cases that both have: positive differences speak for ``one``."""

    one: str
    other: str
    accuracy: Estimate | None
    only_one: int
    only_other: int
    p: float
    rubric: Estimate | None


def by_mode(results: Sequence[Result]) -> list[ModeFigures]:
    """In the order in which the modes first appear."""
    return [_mode(mode, [item for item in results if item.mode == mode]) for mode in _modes(results)]


def comparisons(results: Sequence[Result]) -> list[Comparison]:
    """Each pair of modes, on the cases that both were marked on."""
    return [_compare(results, one, other) for one, other in combinations(_modes(results), 2)]


def _modes(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(result.mode for result in results))


def _mode(mode: str, results: list[Result]) -> ModeFigures:
    keyed = [result for result in results if result.right is not None]
    answered = [result for result in results if not result.answer.failed]
    return ModeFigures(
        mode=mode,
        results=tuple(results),
        accuracy=statistics.proportion(sum(bool(item.right) for item in keyed), len(keyed)),
        within=statistics.proportion(sum(bool(item.right) and not item.over for item in keyed), len(keyed)),
        rubric=statistics.mean([item.score for item in results if item.score is not None]),
        agreement=statistics.mean([a for item in answered if (a := item.answer.agreement) is not None]),
        tokens=statistics.mean([float(item.spend.tokens) for item in results]),
        turns=Counter(item.turned for item in results if item.turned),
        moves=Counter(turn for item in results for turn in item.moves),
        failed=len(results) - len(answered),
        unreadable=sum(not item.answer.said for item in answered),
        over=sum(item.over for item in results),
        calls=sum(item.spend.calls for item in results),
        failed_calls=sum(item.spend.failed for item in results),
        unknown_calls=sum(item.spend.unknown for item in results),
        cost=sum((item.spend.cost for item in results), Decimal(0)),
        judge_tokens=sum(item.judged.tokens for item in results),
        judge_cost=sum((item.judged.cost for item in results), Decimal(0)),
        judge_failed=sum(bool(item.marks and item.marks.code) for item in results),
        unsupported=sum(len(item.marks.unsupported) for item in results if item.marks),
    )


def _compare(results: Sequence[Result], one: str, other: str) -> Comparison:
    right = _pairs(results, one, other, lambda item: None if item.right is None else float(item.right))
    scored = _pairs(results, one, other, lambda item: item.score)
    only_one = sum(left > other_ for left, other_ in right)
    only_other = sum(left < other_ for left, other_ in right)
    return Comparison(
        one,
        other,
        statistics.difference(*_columns(right)),
        only_one,
        only_other,
        statistics.mcnemar(only_one, only_other),
        statistics.difference(*_columns(scored)),
    )


def _pairs(
    results: Sequence[Result], one: str, other: str, value: Callable[[Result], float | None]
) -> list[tuple[float, float]]:
    found: dict[str, dict[str, float]] = {}
    for result in results:
        number = value(result)
        if number is not None:
            found.setdefault(result.case.id, {})[result.mode] = number
    return [(of[one], of[other]) for of in found.values() if one in of and other in of]


def _columns(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [left for left, _ in pairs], [right for _, right in pairs]


def _turn(case: Case, before: str, after: str) -> str:
    if not before or not after or before == after:
        return ""
    was, now = scoring.is_right(case, before), scoring.is_right(case, after)
    return "to right" if now and not was else "to wrong" if was and not now else "sideways"
