"""What a report tells, as tables and sentences that every form of it shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sessions.evaluation.figures import Comparison, ModeFigures, Result, by_mode, comparisons
from sessions.evaluation.statistics import Estimate
from sessions.wording import money

OFFLINE = (
    "These answers were written by the offline provider. It is deterministic and knows nothing: it repeats words of the"
    " question in the order of a debate. The figures show that the harness works, and nothing about whether a board"
    " helps."
)


@dataclass(frozen=True, slots=True)
class Report:
    """All that is told. ``answered_by``: provider, model and number of answers, by mode."""

    name: str
    suite: str
    budget: int
    written: datetime
    results: tuple[Result, ...]
    answered_by: dict[str, list[tuple[str, str, int]]]

    @property
    def modes(self) -> list[ModeFigures]:
        return by_mode(self.results)

    @property
    def comparisons(self) -> list[Comparison]:
        return comparisons(self.results)

    @property
    def offline(self) -> bool:
        return any(item.answer.offline or (item.marks and item.marks.offline) for item in self.results)

    @property
    def cases(self) -> int:
        return len({result.case.id for result in self.results})


def notes(report: Report, modes: Sequence[ModeFigures]) -> list[str]:
    """What a reader must know to read the figures right, in sentences."""
    said = [OFFLINE] if report.offline else []
    said.append(
        f"Every mode was given {report.budget:,} tokens a case (input and output of every attempt in the ledger,"
        " failed ones included; the judge's apart). A single call cannot use more than it needs; self-consistency"
        " samples until the next sample would not fit; the board runs to its end, and what it took beyond the budget"
        " is counted as over budget, with its accuracy when those count as wrong beside."
    )
    for item in modes:
        if item.over:
            said.append(f"{item.mode}: {item.over} of {len(item.results)} cases took more than the budget.")
        if item.failed:
            codes = ", ".join(f"{code} {count}×" for code, count in sorted(item.failures.items()))
            said.append(f"{item.mode}: {item.failed} failed ({codes}) and count as not right.")
        if item.unreadable:
            said.append(f"{item.mode}: in {item.unreadable} answers no option or number could be read; not right.")
        if item.unknown_calls:
            said.append(f"{item.mode}: {item.unknown_calls} calls whose outcome or price nobody knows are in no sum.")
        if item.judge_failed:
            said.append(f"{item.mode}: the judge gave no usable marks for {item.judge_failed}; they are in no mean.")
        if item.unsupported:
            said.append(f"{item.mode}: {item.unsupported} marks quoted words that are not in the answer; not counted.")
        lost = sum(result.answer.lost for result in item.results)
        if lost:
            said.append(f"{item.mode}: {lost} samples failed and have no vote.")
    said.append(
        "Intervals hold 95 %: Wilson for shares, percentile bootstrap over cases (10,000 resamples, fixed seed) for"
        " means and paired differences; p is McNemar's, exact."
    )
    return said


def mode_table(modes: Sequence[ModeFigures]) -> list[list[str]]:
    """The main figures, a row a mode, under a row of headings."""
    head = ["mode", "accuracy", "within budget", "rubric", "agreement", "flips → right / wrong / other"]
    rows = [[*head, "tokens a case", "over budget", "failed", "cost"]]
    for item in modes:
        turns = item.turns
        rows.append(
            [
                item.mode,
                percent(item.accuracy),
                percent(item.within),
                percent(item.rubric),
                percent(item.agreement),
                f"{turns['to right']} / {turns['to wrong']} / {turns['sideways']}",
                amount(item.tokens),
                f"{item.over} of {len(item.results)}",
                f"{item.failed} of {len(item.results)}",
                cost(item),
            ]
        )
    return rows


def pair_table(pairs: Sequence[Comparison]) -> list[list[str]]:
    rows = [
        ["modes", "accuracy, difference", "only the first right", "only the second right", "p", "rubric, difference"]
    ]
    for pair in pairs:
        rows.append(
            [
                f"{pair.one} − {pair.other}",
                percent(pair.accuracy, signed=True),
                str(pair.only_one),
                str(pair.only_other),
                f"{pair.p:.3f}",
                percent(pair.rubric, signed=True),
            ]
        )
    return rows


def move_table(modes: Sequence[ModeFigures]) -> list[list[str]]:
    rows = [["mode", "to right", "to wrong", "other"]]
    return rows + [
        [item.mode, *(str(item.moves[turn]) for turn in ("to right", "to wrong", "sideways"))] for item in modes
    ]


def answerers(report: Report) -> list[list[str]]:
    rows = [["mode", "provider", "model", "answers"]]
    return rows + [
        [mode, provider, model, str(count)]
        for mode, found in report.answered_by.items()
        for provider, model, count in found
    ]


def quarrel_table(results: Sequence[Result]) -> list[list[str]]:
    rows = [["case", "mode", "disagreement"]]
    return rows + [[item.case.id, item.mode, item.quarrel] for item in results if item.quarrel]


def case_table(results: Sequence[Result]) -> list[list[str]]:
    rows = [["case", "mode", "answer", "right", "rubric", "flip", "tokens", "note"]]
    for item in results:
        right = "–" if item.right is None else "yes" if item.right else "no"
        rows.append(
            [
                item.case.id,
                item.mode,
                item.answer.said or "–",
                right,
                "–" if item.score is None else f"{item.score:.0%}",
                item.turned or "–",
                f"{item.spend.tokens:,}",
                _note(item),
            ]
        )
    return rows


def percent(found: Estimate | None, *, signed: bool = False) -> str:
    """``62% [47–75%]``, or a dash where there was nothing to measure."""
    if found is None:
        return "–"
    sign = "+" if signed else ""
    return f"{found.value:{sign}.0%} [{found.low:{sign}.0%} to {found.high:{sign}.0%}]"


def amount(found: Estimate | None) -> str:
    return "–" if found is None else f"{found.value:,.0f} [{found.low:,.0f} to {found.high:,.0f}]"


def cost(item: ModeFigures) -> str:
    """What is known of the cost, and how many calls are not in it; the judge's beside."""
    calls = "call" if item.unknown_calls == 1 else "calls"
    unknown = f" + {item.unknown_calls} {calls} of unknown cost" if item.unknown_calls else ""
    judge = f", judge {money(item.judge_cost)}" if item.judge_tokens else ""
    return f"{money(item.cost)}{unknown}{judge}"


def _note(item: Result) -> str:
    found = [f"failed: {item.answer.code}"] if item.answer.failed else []
    found += ["over budget"] if item.over else []
    return ", ".join(found) or "–"
