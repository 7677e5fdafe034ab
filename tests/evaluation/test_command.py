"""The command on real parts: real processes, real PostgreSQL, HTTP to the offline provider, a real SIGKILL."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, load_command_class

from tests.chaos.kit import FINISHED, kill_after_answers, repeated_calls
from tests.live import Board, board, manage, wait_until

pytestmark = pytest.mark.slow

CASES: list[dict[str, Any]] = [
    {
        "id": "bakery",
        "kind": "decision",
        "problem": "Our bakery can open a second shop in Leeds this spring, or sell bread to four cafés that ask.",
        "options": ["Open a second shop", "Expand wholesale"],
        "constraints": ["At most 80,000 in new debt"],
        "better": "Expand wholesale",
        "rubric": ["Weighs the debt that a shop needs", {"text": "Names the cafés", "mentions": ["café"]}],
    },
    {
        "id": "planet",
        "question": "Which planet is the largest of the solar system?",
        "choices": ["Mars", "Jupiter", "Venus", "Earth"],
        "answer": 1,
    },
    {"id": "eggs", "question": "Tom has 3 boxes of 12 eggs and breaks 5. How many are whole?", "answer": "#### 31"},
]
#: What nobody may have paid twice: one finished call of one task with one number under one id.


@pytest.fixture
def quiet_board(tmp_path: Path) -> Iterator[Board]:
    with board(tmp_path, web=False, worker=False) as running:
        yield running


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return written(tmp_path, CASES)


@dataclass(frozen=True)
class Evaluated:
    """A board on which the suite has been answered in all modes, and what was there when it had been."""

    board: Board
    suite: Path
    printed: str
    report: dict[str, Any]
    tokens: int
    judged: int
    repeated: Any


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluated]:
    with board(tmp_path_factory.mktemp("board"), web=False, worker=False) as running:
        suite = written(tmp_path_factory.mktemp("suite"), CASES)
        printed = evaluate(running, suite).stdout
        [(tokens, judged)] = running.query(
            "SELECT sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens)"
            " FILTER (WHERE node <> 'judge'), count(*) FILTER (WHERE node = 'judge') FROM llm_llmcall"
        )
        yield Evaluated(running, suite, printed, told(suite), tokens, judged, repeated_calls(running))


def written(folder: Path, cases: list[dict[str, Any]]) -> Path:
    path = folder / "mine.jsonl"
    path.write_text("\n".join(json.dumps(case) for case in cases), encoding="utf-8")
    return path


def evaluate(running: Board, suite: Path, *more: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return running.manage(
        *("evaluate", str(suite), "--budget-tokens", "9000", "--rounds", "1", "--output", str(suite.parent / "out")),
        *more,
        **options,
    )


def told(suite: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((suite.parent / "out" / "report.json").read_text())
    return content


def test_all_modes_answer_every_kind_of_case_and_the_report_adds_up(evaluated: Evaluated) -> None:
    report = evaluated.report
    assert [item["mode"] for item in report["modes"]] == ["board", "single", "self-consistency"]
    assert all(item["failed"] == 0 for item in report["modes"]), report["trials"]
    assert "knows nothing" in evaluated.printed, "the reader is told that the offline provider answered"
    assert report["offline"]
    spent = sum(item["tokens"]["value"] * item["cases"] for item in report["modes"])
    assert spent == pytest.approx(evaluated.tokens), "every token in the ledger is in the report"
    assert evaluated.judged == 3, "one mark a mode for the one case with a rubric"
    [consistent] = [item for item in report["modes"] if item["mode"] == "self-consistency"]
    assert 0.6 * 9000 < consistent["tokens"]["value"] <= 9000 * 1.1
    over = {item["mode"]: item["over_budget"] for item in report["modes"]}
    boards = [trial for trial in report["trials"] if trial["mode"] == "board"]
    assert over["board"] == sum(trial["tokens"] > 9000 for trial in boards)
    assert not evaluated.repeated


def test_a_finished_evaluation_pays_nothing_when_it_is_run_again_unless_it_is_to_begin_afresh(
    evaluated: Evaluated,
) -> None:
    running, suite = evaluated.board, evaluated.suite
    before = running.query(FINISHED)
    evaluate(running, suite)
    assert running.query(FINISHED) == before
    assert told(suite)["modes"] == evaluated.report["modes"]
    evaluate(running, suite, "--modes", "single", "--limit", "1", "--fresh")
    assert running.query(FINISHED)[0][0] > before[0][0]


@pytest.mark.chaos
def test_killed_in_the_middle_and_started_again_no_answer_is_paid_twice(tmp_path: Path, suite: Path) -> None:
    """SIGKILL after so many answers, four times in one evaluation, in the board's part as well as in the samples'; and
    every time the same command again."""
    with board(tmp_path, latency="0.02-0.08", web=False, worker=False) as running:
        command = [
            *("manage.py", "evaluate", str(suite), "--budget-tokens", "9000", "--rounds", "1"),
            *("--output", str(suite.parent / "out")),
        ]
        stored = kill_after_answers(running, command, (2, 14, 40, 75))
        evaluate(running, suite)
        report = told(suite)
        assert all(item["failed"] == 0 for item in report["modes"])
        assert len(report["trials"]) == 9
        assert repeated_calls(running) == [], "a finished call was paid twice"
        assert stored <= set(running.query("SELECT session_id, key FROM llm_answer"))
        boards = running.query("SELECT count(*), count(*) FILTER (WHERE status = 'completed') FROM board_session")
        assert boards == [(3, 3)], "one session a case, and none left behind"


def test_a_second_process_of_the_same_evaluation_is_turned_away(quiet_board: Board, suite: Path) -> None:
    command = ["manage.py", "evaluate", str(suite), "--budget-tokens", "9000", "--rounds", "1", "--modes", "board"]
    quiet_board.fault(provider="anthropic", kind="delay", seconds=60)
    quiet_board.start("first", command, OFFLINE_LATENCY="0")
    wait_until(lambda: quiet_board.query("SELECT 1 FROM llm_llmcall"), seconds=60, what="the first call")
    second = evaluate(quiet_board, suite, "--modes", "board", check=False)
    assert second.returncode != 0
    assert "evaluation_busy" in second.stderr
    assert quiet_board.query("SELECT count(*) FROM board_session")[0][0] == 3


def test_a_poor_model_gives_named_failures_and_a_report_never_a_crash(quiet_board: Board, suite: Path) -> None:
    quiet_board.env["LLM_FALLBACK_ENABLED"] = "0"
    for kind, code in (("refusal", "refused"), ("bad_schema", "invalid_answer"), ("malformed", ""), ("empty", "")):
        quiet_board.clear_faults()
        quiet_board.query("DELETE FROM llm_breaker")
        quiet_board.fault(provider="anthropic", kind=kind)
        result = evaluate(quiet_board, suite, "--fresh")
        report = told(suite)
        assert result.returncode == 0, result.stderr[-3000:]
        assert "Traceback" not in result.stderr
        for item in report["modes"]:
            assert item["failed"] == item["cases"] == 3
            assert item["accuracy"]["value"] == 0.0, "a failure is not right, and not left out"
        assert all(trial["answer"]["code"] and trial["answer"]["message"] for trial in report["trials"])
        assert not code or code in {trial["answer"]["code"] for trial in report["trials"]}
        assert any("failed" in note for note in report["notes"])


def test_failures_that_may_pass_are_tried_again_when_asked_and_nothing_else_is(quiet_board: Board, suite: Path) -> None:
    quiet_board.env["LLM_FALLBACK_ENABLED"] = "0"
    quiet_board.fault(provider="anthropic", kind="status", status=401, after=20)
    evaluate(quiet_board, suite)
    first = told(suite)
    failed = [(trial["case"], trial["mode"]) for trial in first["trials"] if trial["answer"]["code"]]
    assert failed
    quiet_board.clear_faults()
    quiet_board.query("DELETE FROM llm_breaker")
    evaluate(quiet_board, suite)
    assert [(t["case"], t["mode"]) for t in told(suite)["trials"] if t["answer"]["code"]] == failed
    evaluate(quiet_board, suite, "--retry-failed")
    assert all(not trial["answer"]["code"] for trial in told(suite)["trials"])
    assert repeated_calls(quiet_board) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--modes", "oracle"], "unknown_mode"),
        (["--modes", ","], "unknown_mode"),
        (["--budget-tokens", "0"], "out_of_range"),
        (["--parallel", "65"], "out_of_range"),
        (["--limit", "0"], "out_of_range"),
    ],
)
def test_a_wrong_argument_is_refused_with_a_code(arguments: list[str], code: str, suite: Path) -> None:
    with pytest.raises(CommandError, match=rf"\[{code}\]"):
        call_command("evaluate", str(suite), *arguments)


@pytest.mark.django_db
def test_a_bad_suite_is_refused_with_lines_and_codes_and_an_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"question": "How many are left over?", "answer": "4"}\nnot json\n', encoding="utf-8")
    result = manage("evaluate", str(path), env={}, check=False)
    assert result.returncode != 0
    assert "line 2: This is not JSON" in result.stderr
    assert "[invalid_json]" in result.stderr
    with pytest.raises(CommandError, match=r"\[no_such_file\]") as missing:
        call_command("evaluate", str(tmp_path / "none.jsonl"))
    assert "decisions" in str(missing.value), "it names the suites that come along"


def test_help_names_every_mode() -> None:
    told = load_command_class("sessions", "evaluate").create_parser("manage.py", "evaluate").format_help()
    for mode in ("board", "single", "self-consistency"):
        assert mode in told
