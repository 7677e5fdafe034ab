"""An evaluation told three ways: Markdown and a self-contained page for people, JSON for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sessions.evaluation import content, page
from sessions.evaluation.content import OFFLINE, Report
from sessions.evaluation.figures import Comparison, ModeFigures
from sessions.evaluation.statistics import Estimate
from sessions.export import text

FORMAT = "board-of-one/evaluation/1"


def write(report: Report, folder: Path) -> list[Path]:
    """Write ``report.md``, ``report.html`` and ``report.json``; return their paths. Raises ``OSError``."""
    folder.mkdir(parents=True, exist_ok=True)
    modes, pairs = report.modes, report.comparisons
    texts = {
        "report.md": markdown(report, modes, pairs),
        "report.html": page.html(report, modes, pairs),
        "report.json": json.dumps(as_json(report, modes, pairs), indent=1, ensure_ascii=False) + "\n",
    }
    for name, told in texts.items():
        (folder / name).write_text(told, encoding="utf-8", errors="replace")
    return [folder / name for name in texts]


def terminal(report: Report) -> list[str]:
    """The main figures as lines of text, each mode a block: they are read on narrow terminals as well."""
    modes = report.modes
    head, *rows = content.mode_table(modes)
    lines = ["", OFFLINE, ""] if report.offline else [""]
    for row in rows:
        lines += [row[0], *(f"  {name:<30} {cell}" for name, cell in zip(head[1:], row[1:], strict=True)), ""]
    for pair in report.comparisons:
        lines.append(
            f"{pair.one} − {pair.other}: accuracy {content.percent(pair.accuracy, signed=True)},"
            f" only one right {pair.only_one} and {pair.only_other}, p {pair.p:.3f};"
            f" rubric {content.percent(pair.rubric, signed=True)}"
        )
    return lines


def markdown(report: Report, modes: Sequence[ModeFigures], pairs: Sequence[Comparison]) -> str:
    """CommonMark with tables; texts of cases and models are escaped."""
    lines = [f"# Evaluation {text(report.name)}", "", f"{report.cases} cases of {text(report.suite)}, written "
             f"{report.written:%Y-%m-%d %H:%M %Z}.", ""]  # fmt: skip
    lines += [f"> {note}\n" if note == OFFLINE else f"- {note}" for note in content.notes(report, modes)]
    lines += ["", "## By mode", "", *_table(content.mode_table(modes)), ""]
    if pairs:
        lines += ["## Side by side, on the same cases", "", *_table(content.pair_table(pairs)), ""]
    lines += ["## Voices that changed their mind", "", *_table(content.move_table(modes)), ""]
    lines += ["## Who answered", "", *_table(content.answerers(report)), ""]
    quarrels = content.quarrel_table(report.results)
    if quarrels[1:]:
        lines += ["## Where judge and key disagree", "", *_table(quarrels), ""]
    lines += ["## Every case", "", *_table(content.case_table(report.results)), ""]
    return "\n".join(lines)


def as_json(report: Report, modes: Sequence[ModeFigures], pairs: Sequence[Comparison]) -> dict[str, Any]:
    """Plain JSON types. Shares are 0 to 1, money is US dollars as text, an estimate has value, low, high and n."""
    return {
        "format": FORMAT,
        "name": report.name,
        "suite": report.suite,
        "written": report.written.isoformat(),
        "budget_tokens": report.budget,
        "offline": report.offline,
        "notes": content.notes(report, modes),
        "modes": [
            {
                "mode": item.mode,
                "cases": len(item.results),
                "accuracy": _estimate(item.accuracy),
                "accuracy_within_budget": _estimate(item.within),
                "rubric": _estimate(item.rubric),
                "agreement": _estimate(item.agreement),
                "tokens": _estimate(item.tokens),
                "flips": dict(item.turns),
                "voices_that_moved": dict(item.moves),
                "failed": item.failed,
                "failures": dict(item.failures),
                "unreadable": item.unreadable,
                "over_budget": item.over,
                "calls": item.calls,
                "failed_calls": item.failed_calls,
                "calls_of_unknown_cost": item.unknown_calls,
                "cost": str(item.cost),
                "judge": {
                    "tokens": item.judge_tokens,
                    "cost": str(item.judge_cost),
                    "failed": item.judge_failed,
                    "unsupported_marks": item.unsupported,
                },
            }
            for item in modes
        ],
        "comparisons": [
            {
                "one": pair.one,
                "other": pair.other,
                "accuracy_difference": _estimate(pair.accuracy),
                "only_one_right": pair.only_one,
                "only_other_right": pair.only_other,
                "mcnemar_p": pair.p,
                "rubric_difference": _estimate(pair.rubric),
            }
            for pair in pairs
        ],
        "answered_by": report.answered_by,
        "trials": [
            {
                "case": item.case.id,
                "mode": item.mode,
                "right": item.right,
                "rubric": item.score,
                "flip": item.turned,
                "over_budget": item.over,
                "tokens": item.spend.tokens,
                "cost": str(item.spend.cost),
                "disagreement": item.quarrel,
                "answer": item.answer.model_dump(mode="json"),
                "marks": None if item.marks is None else item.marks.model_dump(mode="json"),
            }
            for item in report.results
        ],
    }


def _estimate(found: Estimate | None) -> dict[str, float | int] | None:
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high, "n": found.count}


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *body = [[text(cell) for cell in row] for row in rows]
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in body),
    ]
