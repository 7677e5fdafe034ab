"""docs/proof.md names a proof for every promise, and every proof it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.live import ROOT

PROOF = ROOT / "docs" / "proof.md"
#: Every promise of the reliability audit, by its id.
PROMISES = [
    *(f"DB{n}" for n in range(1, 7)),
    *(f"RD{n}" for n in range(1, 5)),
    *(f"LM{n}" for n in range(1, 10)),
    *(f"SE{n}" for n in range(1, 10)),
    *(f"SS{n}" for n in range(1, 9)),
    *(f"RP{n}" for n in range(1, 5)),
    *(f"MO{n}" for n in range(1, 3)),
]
_CODE = re.compile(r"`([^`]+)`")
_ROW = re.compile(r"^\|(.+)\|\s*$")


def rows() -> list[list[str]]:
    """The cells of every row of the document's tables, headings and rules left out."""
    lines = PROOF.read_text(encoding="utf-8").splitlines()
    cells = [re.split(r"(?<!\\)\|", found[1]) for line in lines if (found := _ROW.match(line))]
    table = [[cell.strip() for cell in row] for row in cells]
    return [row for row in table if row[0].lower() != "id" and not set(row[0]) <= set("-: ")]


def ids_of(row: list[str]) -> list[str]:
    return re.findall(r"\b[A-Z]{2}\d\b", row[0])


def named_proofs(text: str) -> list[str]:
    """The test files, with or without the name of a test, that stand in backticks."""
    return [span for span in _CODE.findall(text) if span.startswith("tests/")]


def missing(proof: str) -> str:
    """What of ``path::name`` (or ``path::Class::name``) does not exist, in words; "" when all does."""
    path, *names = proof.split("[")[0].strip().split("::")
    file = ROOT / path.split()[0]
    if not file.exists():
        return f"{path} does not exist"
    known = _names(file) if file.is_file() else frozenset[str]()
    return "" if not names or "::".join(names) in known else f"{path} has no {'::'.join(names)}"


@cache
def _names(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.name for node in tree.body if isinstance(node, (*functions, ast.ClassDef))}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, functions)}
        if isinstance(node, ast.Assign):  # hypothesis' state machines: TestMachine = Machine.TestCase
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(found)


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_has_a_row_with_a_proof_and_a_figure(promise: str) -> None:
    found = [row for row in rows() if promise in ids_of(row)]
    assert found, f"{promise} has no row in docs/proof.md"
    for row in found:
        assert len(row) == 4, f"{promise}: a row is | id | promise | proof | last figure |"
        assert all(row), f"{promise}: an empty cell"
        assert named_proofs(row[2]) or "`make " in row[2], f"{promise} names no proof in backticks"


def test_every_test_that_is_named_exists() -> None:
    named = named_proofs(PROOF.read_text(encoding="utf-8"))
    assert named
    wrong = sorted({why for proof in named if (why := missing(proof))})
    assert wrong == []


def test_no_row_is_for_a_promise_that_nobody_made() -> None:
    assert {promise for row in rows() for promise in ids_of(row)} <= set(PROMISES)


@pytest.mark.parametrize(
    ("proof", "found"),
    [
        ("tests/test_proof.py", ""),
        ("tests/test_proof.py::test_every_test_that_is_named_exists", ""),
        ("tests/test_proof.py::test_every_promise_has_a_row_with_a_proof_and_a_figure[DB1]", ""),
        ("tests/test_proof.py::test_that_nobody_wrote", "tests/test_proof.py has no test_that_nobody_wrote"),
        ("tests/nowhere.py::test_x", "tests/nowhere.py does not exist"),
        ("tests/chaos", ""),
    ],
)
def test_the_check_itself_tells_what_exists_from_what_does_not(proof: str, found: str) -> None:
    assert missing(proof) == found
