"""The shapes in which suites come: our own decisions, and the usual public ones, told apart by their fields.

shape            fields that tell it                                      example
own              problem, options, rubric (or kind: decision)             sessions/evaluation/suites/decisions.jsonl
GPQA             Question, Correct Answer, Incorrect Answer 1 …           options are shuffled by the question's digest
TruthfulQA mc1   question, mc1_targets {choices, labels} or {text: 0/1}
ARC              question {stem, choices [{label, text}]}, answerKey      or question, choices {label, text}, answerKey
MMLU             question, choices [text], answer (index or letter)       or options, answer / answer_index
GSM8K            question, answer (a number, or text that ends "#### n")
"""

import hashlib
import string
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Any

from sessions.evaluation.errors import BadLine
from sessions.evaluation.numbers import last_number, plain
from sessions.evaluation.suite import Case, Criterion, Kind

Row = Mapping[str, Any]
#: An option is a name that others must be able to repeat (sessions/graph/options.py cuts longer ones).
LONGEST_OPTION = 380


def case_of(row: Row, number: int) -> Case:
    """The case a line stands for; ``number`` names it where it has no id. Raises ``BadLine``."""
    for tells, read in _SHAPES:
        if tells(row):
            return read(row, str(_first(row, "id", "qid", "Record ID") or f"line-{number}"))
    raise BadLine(
        "unknown_shape",
        "This is none of the shapes that are read (decision, MMLU, ARC, GPQA, TruthfulQA mc1, GSM8K). "
        f"Its fields are: {', '.join(sorted(map(str, row))) or 'none'}.",
    )


def _own(row: Row, id_: str) -> Case:
    options = _texts(row, "options", least=2)
    key = str(row.get("better") or "")
    if key and key not in options:
        raise BadLine("answer_not_an_option", f"`better` must repeat one of the options word for word; it is {key!r}.")
    rubric = tuple(_criterion(item, number) for number, item in enumerate(_list(row, "rubric"), start=1))
    if not rubric:
        raise BadLine(
            "no_rubric", "`rubric` must hold at least one criterion: a text, or {id, text, weight, mentions}."
        )
    if len({item.id for item in rubric}) < len(rubric):
        raise BadLine("duplicate_criterion", "Two criteria have the same id; give each its own.")
    return Case(
        id_,
        Kind.DECISION,
        _text(row, "problem"),
        context=str(row.get("context") or ""),
        options=options,
        constraints=_texts(row, "constraints"),
        key=key,
        why=str(row.get("why") or ""),
        weigh=_texts(row, "weigh"),
        rubric=rubric,
        domain=str(row.get("domain") or ""),
    )


def _criterion(item: Any, number: int) -> Criterion:
    if isinstance(item, str) and item.strip():
        return Criterion(f"c{number}", item.strip())
    if not isinstance(item, Mapping):
        raise BadLine("bad_criterion", f"Criterion {number} must be a text or an object with `text`.")
    weight = item.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 100:
        raise BadLine("bad_criterion", f"The weight of criterion {number} must be a number above 0, at most 100.")
    return Criterion(
        str(item.get("id") or f"c{number}"), _text(item, "text"), float(weight), tuple(_texts(item, "mentions"))
    )


def _gpqa(row: Row, id_: str) -> Case:
    question, key = _text(row, "Question"), _text(row, "Correct Answer")
    wrong = [str(row[name]).strip() for name in sorted(row) if str(name).startswith("Incorrect Answer") and row[name]]
    options = [key, *wrong]
    Random(hashlib.sha256(question.encode("utf-8", "replace")).digest()).shuffle(options)  # noqa: S311
    return _choice(id_, question, options, key, domain=str(row.get("Subdomain") or row.get("High-level domain") or ""))


def _truthful(row: Row, id_: str) -> Case:
    targets = row["mc1_targets"]
    if isinstance(targets, Mapping) and "choices" in targets:
        choices, labels = _list(targets, "choices"), _list(targets, "labels")
    elif isinstance(targets, Mapping):
        choices, labels = list(targets), list(targets.values())
    else:
        raise BadLine("bad_choices", "`mc1_targets` must be {choices, labels}, or an object of text: 0 or 1.")
    right = [choice for choice, label in zip(choices, labels, strict=False) if label == 1]
    if len(labels) != len(choices) or len(right) != 1:
        raise BadLine("no_single_answer", "`mc1_targets` must label exactly one of its choices with 1.")
    return _choice(id_, _text(row, "question"), choices, str(right[0]), domain=str(row.get("category") or ""))


def _arc(row: Row, id_: str) -> Case:
    inner = row["question"] if isinstance(row["question"], Mapping) else None
    given = inner.get("choices") if inner is not None else row.get("choices")
    if isinstance(given, Mapping):
        texts, labels = _list(given, "text"), [str(label) for label in _list(given, "label")]
    else:
        entries = [item for item in given if isinstance(item, Mapping)] if isinstance(given, list) else []
        texts, labels = [item.get("text") for item in entries], [str(item.get("label")) for item in entries]
    key = str(row["answerKey"]).strip()
    if len(texts) != len(labels) or key not in labels:
        raise BadLine("answer_not_an_option", f"`answerKey` is {key!r}; it must be one of {', '.join(labels) or '-'}.")
    question = _text(inner, "stem") if inner is not None else _text(row, "question")
    return _choice(id_, question, texts, str(texts[labels.index(key)]))


def _mmlu(row: Row, id_: str) -> Case:
    options = list(_list(row, "choices" if "choices" in row else "options"))
    answer = _first(row, "answer", "answer_index")
    return _choice(
        id_,
        _text(row, "question"),
        options,
        _answer_text(answer, [str(item) for item in options]),
        domain=str(row.get("subject") or row.get("category") or ""),
    )


def _answer_text(answer: Any, options: list[str]) -> str:
    index = answer
    if isinstance(answer, str):
        letter = answer.strip()
        if letter in options:
            return letter
        if len(letter) == 1 and letter.upper() in string.ascii_uppercase:
            index = string.ascii_uppercase.index(letter.upper())
        elif letter.isdigit():
            index = int(letter)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(options):
        raise BadLine(
            "answer_not_an_option",
            f"`answer` is {answer!r}; with {len(options)} choices it must be 0 to {len(options) - 1}, "
            f"A to {string.ascii_uppercase[max(0, len(options) - 1) % 26]}, or the text of a choice.",
        )
    return options[index]


def _gsm(row: Row, id_: str) -> Case:
    answer = row["answer"]
    if isinstance(answer, bool):
        raise BadLine("no_final_number", "`answer` must be a number, or a text that ends with one after `####`.")
    text = str(answer)
    value = last_number(text.rpartition("####")[2])
    if value is None:
        raise BadLine("no_final_number", "`answer` must be a number, or a text that ends with one after `####`.")
    try:
        tolerance = Decimal(str(row.get("tolerance", 0)))
    except InvalidOperation:
        raise BadLine("bad_tolerance", "`tolerance` must be a number, 0 or more.") from None
    if not tolerance.is_finite() or tolerance < 0:
        raise BadLine("bad_tolerance", "`tolerance` must be a number, 0 or more.")
    return Case(id_, Kind.NUMBER, _text(row, "question"), key=plain(value), tolerance=tolerance)


def _choice(id_: str, question: str, options: list[Any], key: str, domain: str = "") -> Case:
    texts = [" ".join(str(option).split()) for option in options]
    if len(texts) < 2 or not all(texts):
        raise BadLine("too_few_choices", "A question needs two choices or more, and none of them empty.")
    if len(set(texts)) < len(texts):
        raise BadLine("duplicate_choice", "Two choices are the same, so no answer could be told from the other.")
    return Case(id_, Kind.CHOICE, question, options=tuple(texts), key=" ".join(key.split()), domain=domain)


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadLine("missing_field", f"`{name}` must be a text that is not empty.")
    return value.strip()


def _list(row: Row, name: str) -> list[Any]:
    value = row.get(name) or []
    if not isinstance(value, list):
        raise BadLine("not_a_list", f"`{name}` must be a list.")
    return value


def _texts(row: Row, name: str, least: int = 0) -> tuple[str, ...]:
    items = _list(row, name)
    if len(items) < least or not all(isinstance(item, str) and item.strip() for item in items):
        raise BadLine("not_a_list", f"`{name}` must be a list of texts{f', {least} or more' if least else ''}.")
    return tuple(item.strip() for item in items)


def _first(row: Row, *names: str) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


_SHAPES: tuple[tuple[Callable[[Row], bool], Callable[[Row, str], Case]], ...] = (
    (lambda row: row.get("kind") == "decision" or {"problem", "options"} <= row.keys(), _own),
    (lambda row: {"Question", "Correct Answer"} <= row.keys(), _gpqa),
    (lambda row: {"question", "mc1_targets"} <= row.keys(), _truthful),
    (lambda row: {"question", "answerKey"} <= row.keys(), _arc),
    (
        lambda row: (
            "question" in row
            and ("choices" in row or "options" in row)
            and _first(row, "answer", "answer_index") is not None
        ),
        _mmlu,
    ),
    (lambda row: {"question", "answer"} <= row.keys() and "choices" not in row and "options" not in row, _gsm),
)
