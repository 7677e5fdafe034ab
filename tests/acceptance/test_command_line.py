"""One deliberation from the command line, over real HTTP to the offline provider, through either wire."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import Board, board

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def quiet_board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with board(tmp_path_factory.mktemp("board"), web=False, worker=False) as running:
        yield running


@pytest.mark.parametrize("wire", ["anthropic", "openai"])
def test_the_same_decision_is_debated_through_either_providers_wire(quiet_board: Board, wire: str) -> None:
    quiet_board.env |= {"LLM_PRIMARY": wire, "LLM_FALLBACK_ENABLED": "0"}  # with both, a board speaks through both
    quiet_board.query("DELETE FROM llm_breaker")  # whatever another test has tripped
    try:
        result = quiet_board.manage("deliberate", "--example", "--rounds", "2", "--quiet")
    finally:
        del quiet_board.env["LLM_FALLBACK_ENABLED"]
    last = quiet_board.query("SELECT id, status FROM board_session ORDER BY id DESC LIMIT 1")[0]
    providers = quiet_board.query("SELECT DISTINCT provider, status FROM llm_llmcall WHERE session_id = %s", last[0])
    assert last[1] == "completed"
    assert providers == [(wire, "finished")]
    assert "Lisbon" in result.stdout
    for heading in ("Recommendation", "dissent", "Actions"):
        assert heading.lower() in result.stdout.lower(), result.stdout[:2000]


def test_documents_are_given_on_the_command_line(quiet_board: Board, tmp_path: Path) -> None:
    notes, locked = tmp_path / "rents.md", tmp_path / "locked.pdf"
    notes.write_text("# Rents\n\n- Leeds 400 a desk\n- Lisbon 310 a desk\n")
    locked.write_bytes(b"%PDF-1.4 nothing")
    given = ["deliberate", "--example", "--rounds", "1", "--document", str(notes)]
    result = quiet_board.manage(*given, "--quiet")
    assert "rents.md: Markdown, 48 bytes" in result.stdout.replace("\\", "")
    refused = quiet_board.manage(*given, "--document", str(locked), check=False)
    assert refused.returncode != 0
    assert "document_broken" in refused.stderr
    missing = quiet_board.manage(*given, "--document", str(tmp_path / "nowhere.md"), check=False)
    assert "unreadable_file" in missing.stderr


def test_a_decision_that_is_too_short_says_what_is_missing_and_fails(quiet_board: Board) -> None:
    result = quiet_board.manage("deliberate", "Hm?", check=False)
    assert result.returncode != 0
    assert "problem_too_short" in result.stderr
    assert "at least 20 characters" in result.stderr


def test_sections_of_a_decision_given_as_an_argument_are_read_as_in_a_file(quiet_board: Board) -> None:
    text = "Shall we open a second bakery in the old town?\n## Options\n- Open\n- Wait\n## Constraints\n- No debt"
    quiet_board.manage("deliberate", text, "--rounds", "1", "--quiet")
    stored = quiet_board.query("SELECT options, constraints FROM board_session ORDER BY id DESC LIMIT 1")[0]
    assert stored == (["Open", "Wait"], ["No debt"])


def test_without_a_decision_the_command_shows_how_to_give_one(quiet_board: Board) -> None:
    result = quiet_board.manage("deliberate", check=False)
    assert result.returncode != 0
    assert "--example" in result.stderr


def test_a_failing_provider_ends_in_a_failure_that_names_its_code(quiet_board: Board) -> None:
    quiet_board.env["LLM_FALLBACK_ENABLED"] = "0"
    quiet_board.env["LLM_PRIMARY"] = "anthropic"
    quiet_board.fault(provider="anthropic", kind="status", status=401)
    try:
        result = quiet_board.manage("deliberate", "--example", "--quiet", check=False)
    finally:
        quiet_board.clear_faults()
        del quiet_board.env["LLM_FALLBACK_ENABLED"]
    assert result.returncode != 0
    failure = quiet_board.query("SELECT status, failure FROM board_session ORDER BY id DESC LIMIT 1")[0]
    assert failure[0] == "failed"
    assert failure[1]["code"] in result.stderr
