"""Reads a suite from a file of JSON lines, and says of every line that is wrong which one and why."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sessions.evaluation.errors import BadLine, Problem, SuiteInvalid
from sessions.evaluation.formats import LONGEST_OPTION, case_of
from sessions.evaluation.suite import Case, Suite
from sessions.services.start import Decision, InvalidDecision

#: Suites that come with the product, by their name.
SHIPPED = Path(__file__).with_name("suites")
#: Characters of an id, which is a column of the table of trials.
_LONGEST_ID = 120


def find(name: str) -> Path:
    """The file that ``name`` means: a path, or the name of a suite that comes with the product."""
    shipped = SHIPPED / f"{name}.jsonl"
    return shipped if shipped.exists() and not Path(name).exists() else Path(name)


def read(path: Path) -> Suite:
    """The suite in a file. Raises ``SuiteInvalid`` with every line that is wrong: nothing is left out in silence."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        shipped = ", ".join(sorted(item.stem for item in SHIPPED.glob("*.jsonl")))
        message = f"There is no such file. Give a path, or the name of a suite that comes with the product: {shipped}."
        raise SuiteInvalid(str(path), [Problem("no_such_file", 0, message)]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SuiteInvalid(
            str(path), [Problem("not_utf8", line, "This is not UTF-8 text. Save it as UTF-8.")]
        ) from None
    except OSError as error:
        message = f"It cannot be read: {error.strerror or error}."
        raise SuiteInvalid(str(path), [Problem("unreadable_file", 0, message)]) from None
    return Suite(path.stem, parse(text.split("\n"), str(path)))


def parse(lines: Iterable[str], source: str = "suite") -> tuple[Case, ...]:
    """The cases of JSON lines; empty lines do not count. Raises ``SuiteInvalid``."""
    cases: dict[str, Case] = {}
    seen: dict[str, int] = {}
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = _checked(case_of(_object(line), number))
            if case.id in seen:
                raise BadLine("duplicate_id", f"The id {case.id!r} is that of line {seen[case.id]} already.")
            seen[case.id] = number
            cases[case.id] = case
        except BadLine as error:
            problems.append(Problem(error.code, number, str(error)))
    if not cases and not problems:
        problems.append(Problem("empty_suite", 0, "There is no case in it. Write one JSON object a line."))
    if problems:
        raise SuiteInvalid(source, problems)
    return tuple(cases.values())


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine("invalid_json", f"This is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise BadLine("not_an_object", "A line must hold one JSON object.")
    return row


def _checked(case: Case) -> Case:
    """The case, if a board can be asked it."""
    if len(case.id) > _LONGEST_ID:
        raise BadLine("id_too_long", f"An id has at most {_LONGEST_ID} characters.")
    for option in case.options:
        if len(option) > LONGEST_OPTION:
            raise BadLine(
                "option_too_long", f"An option has at most {LONGEST_OPTION} characters; one has {len(option)}."
            )
    try:
        Decision(case.task, case.context, list(case.options), list(case.constraints)).checked()
    except InvalidDecision as error:
        raise BadLine(error.code, f"`{error.field}`: {error}") from None
    return case
