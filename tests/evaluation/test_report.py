"""The report in its three forms: complete, escaped, honest about the offline provider."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sessions.evaluation import content, page, plots, report
from sessions.evaluation.answer import failure
from sessions.evaluation.content import OFFLINE, Report
from sessions.evaluation.figures import Result, by_mode
from sessions.evaluation.judge import Marks
from tests.evaluation.conftest import decision, result, said

HOSTILE = '<script>alert(1)</script> | # "x" & `y`'
RIGHT, WRONG = "Expand wholesale", "Open a second shop"


def told(*results: Result, offline: bool = False) -> Report:
    results = results or (
        result(decision("a"), "board", said(RIGHT, RIGHT, WRONG, first=WRONG, offline=offline), tokens=1500),
        result(decision("b"), "board", said(WRONG, first=RIGHT), marks=Marks(met=["c1"], defensible=True)),
        result(decision("a"), "single", said(WRONG), tokens=90),
        result(decision("b"), "single", failure("refused", "It declined.", recoverable=False)),
        *(
            result(decision(f"c{n}"), "self-consistency", said(RIGHT, RIGHT, RIGHT, first=WRONG), tokens=990)
            for n in range(120)
        ),
    )
    when = datetime(2025, 3, 1, 12, tzinfo=UTC)
    return Report("decisions-1", "decisions", 1000, when, results, {"board": [("openai", "tiny", 12)]})


def test_the_three_forms_are_written_and_the_json_holds_every_trial(tmp_path: Path) -> None:
    paths = report.write(told(), tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["report.md", "report.html", "report.json"]
    data = json.loads(paths[2].read_text())
    assert data["format"] == "board-of-one/evaluation/1"
    assert len(data["trials"]) == 124
    board, single, _ = data["modes"]
    assert (board["accuracy"]["value"], board["accuracy_within_budget"]["value"]) == (0.5, 0.0)
    assert single["failures"] == {"refused": 1}


def test_every_form_says_so_when_the_offline_provider_answered() -> None:
    offline, real = told(offline=True), told()
    for form in (report.markdown, page.html):
        assert "knows nothing" in form(offline, offline.modes, offline.comparisons)
        assert "knows nothing" not in form(real, real.modes, real.comparisons)
    assert OFFLINE in report.terminal(offline)
    assert OFFLINE not in report.terminal(real)


def test_what_went_over_budget_or_failed_is_said_in_words() -> None:
    notes = " ".join(content.notes(told(), told().modes))
    assert "board: 1 of 2 cases took more than the budget" in notes
    assert "single: 1 failed (refused 1×) and count as not right" in notes


def test_where_judge_and_key_disagree_is_a_table_of_its_own() -> None:
    assert content.quarrel_table(told().results)[1:] == [
        ["b", "board", "the judge finds the choice defensible, the key does not"]
    ]
    text = report.markdown(told(), told().modes, told().comparisons)
    assert "Where judge and key disagree" in text


def test_texts_of_cases_and_models_do_nothing_in_markdown_and_html() -> None:
    hostile = told(result(decision(HOSTILE, key=""), "board", said(HOSTILE)))
    text = report.markdown(hostile, hostile.modes, hostile.comparisons)
    shown = page.html(hostile, hostile.modes, hostile.comparisons)
    assert not re.search(r"(?<!\\)<", text)
    assert "<script" not in shown
    [row] = [line for line in text.splitlines() if "alert" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 9, "no text opens a column of its own"


class _Loads(HTMLParser):
    """Everything a page would fetch, and every script."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe") or any(name in ("src", "href", "onload") for name, _ in attrs):
            self.found.append(tag)


def test_the_page_loads_nothing_from_anywhere_and_runs_nothing() -> None:
    shown = page.html(told(), told().modes, told().comparisons)
    parser = _Loads()
    parser.feed(shown)
    assert parser.found == []
    assert "url(" not in shown
    assert "@import" not in shown


@pytest.mark.parametrize("results", [told().results, told(result(decision(key=""), "board", said(""))).results])
def test_every_plot_is_well_formed_and_says_in_words_what_it_shows(results: tuple[Result, ...]) -> None:
    modes = by_mode(results)
    for svg in (
        plots.intervals("Accuracy", [(item.mode, item.accuracy) for item in modes]),
        plots.tokens_against_accuracy(modes, 1000),
        plots.flips(modes),
    ):
        root = ElementTree.fromstring(svg)
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"].endswith(".")
        assert "nan" not in svg


def test_the_plotted_interval_is_the_one_of_the_table() -> None:
    mode = told().modes[0]
    assert mode.accuracy is not None
    svg = ElementTree.fromstring(plots.intervals("Accuracy", [(mode.mode, mode.accuracy)]))
    bars = [line for line in svg.iter() if "bar" in line.attrib.get("class", "")]
    width = plots.WIDTH - plots.LEFT - plots.RIGHT
    assert float(bars[0].attrib["x1"]) == pytest.approx(plots.LEFT + width * mode.accuracy.low, abs=0.1)
    assert float(bars[0].attrib["x2"]) == pytest.approx(plots.LEFT + width * mode.accuracy.high, abs=0.1)
    assert content.percent(mode.accuracy) == "50% [9% to 91%]"
