"""Numbers as people and models write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.evaluation.numbers import equal, last_number, plain

WRITTEN = [
    ("31", "31"),
    ("The answer is 31.", "31"),
    ("$1,234.50", "1234.5"),
    ("3*12=36, 36-5=31", "31"),
    ("between 10-12", "12"),
    ("it fell to -3 degrees", "-3"),
    ("it fell to −3", "-3"),
    ("12 %", "12"),
    ("3/4 of it", "0.75"),
    ("1.5e3", "1500"),
    (".5", "0.5"),
    ("0", "0"),
    ("-0", "0"),
    ("12.500", "12.5"),
    ("1,000,000 people", "1000000"),
]


@pytest.mark.parametrize(("text", "value"), WRITTEN)
def test_the_last_number_of_a_text_is_read(text: str, value: str) -> None:
    found = last_number(text)
    assert found is not None
    assert plain(found) == value


@pytest.mark.parametrize("text", ["", "none", "…", "9" * 60, "one"])
def test_where_there_is_no_number_none_is_read(text: str) -> None:
    assert last_number(text) is None


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    found = last_number(text)
    assert found is None or found.is_finite()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_a_number_is_read_back_from_how_it_is_written(value: Decimal) -> None:
    assert last_number(plain(value)) == value
    assert plain(value) == plain(value + Decimal("0.000"))


def test_the_tolerance_counts_both_ways() -> None:
    assert equal(Decimal("3.14"), Decimal("3.15"), Decimal("0.01"))
    assert equal(Decimal("3.16"), Decimal("3.15"), Decimal("0.01"))
    assert not equal(Decimal("3.17"), Decimal("3.15"), Decimal("0.01"))
