"""Only a whole, valid answer is accepted; harmless mess is forgiven (LM9)."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from llm.structured import AnswerInvalid, parse, schema_name


class Pick(BaseModel):
    model_config = ConfigDict(extra="forbid")

    option: str = Field(min_length=1, max_length=50)
    reasons: list[str] = []


GOOD = '{"option": "Leeds, north", "reasons": ["a {brace}", "a, ]comma"]}'
PICK = Pick(option="Leeds, north", reasons=["a {brace}", "a, ]comma"])

FORGIVEN = [
    GOOD,
    f"```json\n{GOOD}\n```",
    f"Here is my answer:\n\n{GOOD}\n\nI hope it helps.",
    '{"option": "Leeds, north", "reasons": ["a {brace}", "a, ]comma",],}',
    '{"option": "Leeds, north", "reasons": ["a {brace}", "a, ]comma" ,\n ] ,\t}',
]
REJECTED = [
    "",
    "   ",
    "I would open the shop.",
    GOOD[:-1],
    GOOD[: len(GOOD) // 2],
    '{"option": "Leeds", "reasons": ["unfinished',
    f"{GOOD}\n{GOOD}",
    f'For example {{"option": "x"}}, but: {GOOD}',
    '{"option": ""}',
    '{"option": 3}',
    '{"option": "x", "unasked": 1}',
    '{"reasons": []}',
    "[]",
    "null",
    '{"option": NaN}',
    "{" * 100_000,
    '{"option": ' + "[" * 100_000,
    '{"option": "' + "x" * 2_000_000 + '"}',
    '{"option": "\\ud800"}',
    "{'option': 'x'}",
]


@pytest.mark.parametrize("text", FORGIVEN)
def test_text_around_one_object_and_trailing_commas_are_forgiven(text: str) -> None:
    assert parse(Pick, text) == PICK


@pytest.mark.parametrize("text", REJECTED, ids=lambda text: repr(text[:30]))
def test_everything_else_is_rejected_with_a_reason(text: str) -> None:
    with pytest.raises(AnswerInvalid) as caught:
        parse(Pick, text)
    assert str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_reason_names_the_field_and_does_not_repeat_the_answer() -> None:
    with pytest.raises(AnswerInvalid, match=r"option: .*at most 50") as caught:
        parse(Pick, json.dumps({"option": "secret" * 50}))
    assert "secretsecret" not in str(caught.value)


def test_nul_characters_are_removed_because_postgresql_cannot_keep_them() -> None:
    assert parse(Pick, '{"option": "a\\u0000b"}').option == "ab"


def test_an_answer_of_nothing_but_nul_characters_is_invalid() -> None:
    with pytest.raises(AnswerInvalid):
        parse(Pick, '{"option": "\\u0000"}')


@given(st.text(min_size=1, max_size=50).filter(lambda text: "\x00" not in text), st.lists(st.text(max_size=20)))
def test_whatever_a_valid_answer_says_it_comes_through_unchanged(option: str, reasons: list[str]) -> None:
    clean = [reason.replace("\x00", "") for reason in reasons]
    text = json.dumps({"option": option, "reasons": clean})
    assert parse(Pick, text) == Pick(option=option, reasons=clean)
    assert parse(Pick, f"Well:\n```json\n{text}\n```") == Pick(option=option, reasons=clean)


@given(st.integers(1, len(GOOD) - 1))
def test_no_prefix_of_an_answer_is_taken_for_the_whole(length: int) -> None:
    with pytest.raises(AnswerInvalid):
        parse(Pick, GOOD[:length])


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(AnswerInvalid):
        parse(Pick, text)


def test_a_schema_name_fits_what_providers_accept() -> None:
    class Größe(BaseModel):
        pass

    assert schema_name(Größe) == "Gr__e"
    assert schema_name(Pick) == "Pick"
