"""Suites in every shape that is read, and clear errors with lines and codes for those that are not."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.evaluation import loader
from sessions.evaluation.errors import Problem, SuiteInvalid
from sessions.evaluation.suite import Case, Kind, Suite

OWN = {"kind": "decision", "problem": "Shall we open a shop or not?", "options": ["Open", "Wait"], "rubric": ["Weighs"]}
QUESTION = "Which planet is the largest?"
SHAPES: list[tuple[str, dict[str, Any], Kind, str]] = [
    ("our own decision", {**OWN, "better": "Wait"}, Kind.DECISION, "Wait"),
    ("MMLU by index", {"question": QUESTION, "choices": ["Mars", "Jupiter"], "answer": 1}, Kind.CHOICE, "Jupiter"),
    ("MMLU by letter", {"question": QUESTION, "choices": ["Mars", "Jupiter"], "answer": "B"}, Kind.CHOICE, "Jupiter"),
    (
        "MMLU-Pro",
        {"question": QUESTION, "options": ["Mars", "Venus", "Jupiter"], "answer": "C", "answer_index": 2},
        Kind.CHOICE,
        "Jupiter",
    ),
    (
        "ARC with a stem",
        {
            "id": "Q1",
            "question": {
                "stem": QUESTION,
                "choices": [{"label": "1", "text": "Mars"}, {"label": "2", "text": "Jupiter"}],
            },
            "answerKey": "2",
        },
        Kind.CHOICE,
        "Jupiter",
    ),
    (
        "ARC in columns",
        {"question": QUESTION, "choices": {"text": ["Mars", "Jupiter"], "label": ["A", "B"]}, "answerKey": "B"},
        Kind.CHOICE,
        "Jupiter",
    ),
    (
        "GPQA",
        {
            "Question": QUESTION,
            "Correct Answer": "Jupiter",
            "Incorrect Answer 1": "Mars",
            "Incorrect Answer 2": "Venus",
        },
        Kind.CHOICE,
        "Jupiter",
    ),
    (
        "TruthfulQA with labels",
        {"question": QUESTION, "mc1_targets": {"choices": ["Jupiter", "Mars"], "labels": [1, 0]}},
        Kind.CHOICE,
        "Jupiter",
    ),
    ("TruthfulQA by text", {"question": QUESTION, "mc1_targets": {"Mars": 0, "Jupiter": 1}}, Kind.CHOICE, "Jupiter"),
    (
        "GSM8K",
        {"question": "How many eggs are left?", "answer": "36 - 5 = <<36-5=31>>31\n#### 1,031"},
        Kind.NUMBER,
        "1031",
    ),
    ("a plain number", {"question": "How many eggs are left?", "answer": 2.50}, Kind.NUMBER, "2.5"),
]


@pytest.mark.parametrize(("shape", "row", "kind", "key"), SHAPES, ids=[shape[0] for shape in SHAPES])
def test_every_usual_shape_becomes_a_case_with_its_key(shape: str, row: dict[str, Any], kind: Kind, key: str) -> None:
    [case] = loader.parse([json.dumps(row)])
    assert (case.kind, case.key) == (kind, key)
    assert kind is Kind.NUMBER or key in case.options


def test_the_right_answer_of_a_gpqa_question_is_not_always_in_the_same_place() -> None:
    rows = [
        {
            "Question": f"{QUESTION} ({n})",
            "Correct Answer": "right",
            **{f"Incorrect Answer {m}": f"no {m}" for m in (1, 2, 3)},
        }
        for n in range(40)
    ]
    lines = [json.dumps(row) for row in rows]
    places = [case.options.index("right") for case in loader.parse(lines)]
    assert set(places) == {0, 1, 2, 3}
    assert places == [case.options.index("right") for case in loader.parse(lines)], "and the same at every start"


BROKEN: list[tuple[str, str]] = [
    ('{"question": ', "invalid_json"),
    ("[1]", "not_an_object"),
    ('{"hello": 1}', "unknown_shape"),
    (json.dumps({"question": QUESTION, "choices": ["a", "b"]}), "unknown_shape"),
    (json.dumps({"question": QUESTION, "choices": ["a", "b"], "answer": 2}), "answer_not_an_option"),
    (json.dumps({"question": QUESTION, "choices": ["a", "b"], "answer": "E"}), "answer_not_an_option"),
    (json.dumps({"question": QUESTION, "choices": ["a", "b"], "answer": True}), "answer_not_an_option"),
    (json.dumps({"question": QUESTION, "choices": ["a", "a"], "answer": 0}), "duplicate_choice"),
    (json.dumps({"question": QUESTION, "choices": ["a"], "answer": 0}), "too_few_choices"),
    (json.dumps({"question": QUESTION, "choices": "ab", "answer": 0}), "not_a_list"),
    (json.dumps({"question": " ", "choices": ["a", "b"], "answer": 0}), "missing_field"),
    (json.dumps({"question": QUESTION, "choices": ["a", "b" * 381], "answer": 0}), "option_too_long"),
    (json.dumps({"question": QUESTION, "choices": [f"c{n}" for n in range(13)], "answer": 0}), "too_many"),
    (json.dumps({"question": QUESTION, "mc1_targets": {"a": 1, "b": 1}}), "no_single_answer"),
    (json.dumps({"question": QUESTION, "mc1_targets": [1]}), "bad_choices"),
    (
        json.dumps({"question": QUESTION, "choices": {"text": ["a"], "label": ["A"]}, "answerKey": "B"}),
        "answer_not_an_option",
    ),
    (json.dumps({"question": QUESTION, "answer": "many"}), "no_final_number"),
    (json.dumps({"question": QUESTION, "answer": 3, "tolerance": "x"}), "bad_tolerance"),
    (json.dumps({**OWN, "better": "Close"}), "answer_not_an_option"),
    (json.dumps({**OWN, "rubric": []}), "no_rubric"),
    (json.dumps({**OWN, "rubric": [7]}), "bad_criterion"),
    (json.dumps({**OWN, "rubric": [{"text": "x", "weight": 0}]}), "bad_criterion"),
    (json.dumps({**OWN, "rubric": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]}), "duplicate_criterion"),
    (json.dumps({**OWN, "problem": "Short?"}), "problem_too_short"),
    (json.dumps({**OWN, "options": ["Open"]}), "not_a_list"),
    (json.dumps({**OWN, "id": "x" * 121}), "id_too_long"),
]


@pytest.mark.parametrize(("line", "code"), BROKEN, ids=[f"{n}-{code}" for n, (_, code) in enumerate(BROKEN)])
def test_a_bad_line_is_named_with_its_number_and_a_code(line: str, code: str) -> None:
    with pytest.raises(SuiteInvalid) as caught:
        loader.parse([json.dumps(OWN), "", line], "mine.jsonl")
    [problem] = caught.value.problems
    assert (problem.code, problem.line) == (code, 3)
    assert f"line 3: {problem.message} [{code}]" in str(caught.value)


def test_all_bad_lines_are_told_at_once_and_the_text_stays_short() -> None:
    with pytest.raises(SuiteInvalid) as caught:
        loader.parse(["x"] * 50)
    assert [problem.line for problem in caught.value.problems] == list(range(1, 51))
    assert str(caught.value).endswith("and 30 more")


def test_a_repeated_id_names_the_line_that_had_it() -> None:
    row = json.dumps({**OWN, "id": "a"})
    with pytest.raises(SuiteInvalid, match=r"line 2: The id 'a' is that of line 1 already\. \[duplicate_id\]"):
        loader.parse([row, row])


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [(b"", "empty_suite", 0), (b"\n\n", "empty_suite", 0), (b"{}\n\xff\n", "not_utf8", 2), (None, "no_such_file", 0)],
)
def test_a_file_that_is_no_suite_says_why(tmp_path: Path, content: bytes | None, code: str, line: int) -> None:
    path = tmp_path / "suite.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SuiteInvalid) as caught:
        loader.read(path)
    assert [(problem.code, problem.line) for problem in caught.value.problems] == [(code, line)]


def test_a_folder_is_no_suite(tmp_path: Path) -> None:
    with pytest.raises(SuiteInvalid, match="unreadable_file"):
        loader.read(tmp_path)


VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, float("nan"), 10**400),
    *("", " ", "A", "decision", QUESTION, "#### x", "#### 3"),
    *([], {}, [[]], [None], ["a", "b"], ["a", 1]),
    [{"text": "a", "label": "A"}, {"text": None, "label": "B"}],
    {"text": ["a", "b"], "label": ["A", "B"]},
    {"text": "ab", "label": 7},
    {"choices": ["a", "b"], "labels": [1, 0]},
    *({"choices": 5}, {"a": 1}, {"stem": QUESTION, "choices": 3}, {"text": "x", "weight": "heavy"}),
]
NAMES = ["kind", "problem", "options", "rubric", "better", "question", "choices", "answer", "answerKey", "mc1_targets",
         "Question", "Correct Answer", "Incorrect Answer 1", "id", "constraints", "context", "tolerance"]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES)))
def test_whatever_a_line_holds_it_is_a_case_or_a_named_problem(row: dict[str, Any]) -> None:
    problems: list[Problem] = []
    cases: tuple[Case, ...] = ()
    try:
        cases = loader.parse([json.dumps(row)])
    except SuiteInvalid as error:
        problems = error.problems
    assert len(cases) + len(problems) == 1
    assert all(problem.code and problem.line == 1 for problem in problems)
    assert all(case.kind is Kind.NUMBER or len(case.options) >= 2 for case in cases)


def test_the_digest_of_a_suite_changes_with_every_word_and_not_with_its_name() -> None:
    one, other = loader.parse([json.dumps(OWN)]), loader.parse([json.dumps({**OWN, "constraints": ["No debt"]})])
    assert Suite("a", one).digest == Suite("b", one).digest
    assert Suite("a", one).digest != Suite("a", other).digest
