"""SE1: what models and people send goes into PostgreSQL, whatever it is made of."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessions.cleaning import storable, storable_json

CHARACTERS = st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from('\x00\\u0"é☃'))
TEXTS = st.one_of(st.text(CHARACTERS), st.sampled_from(["\\u0000", "\x00", "\ud800", "a\udc00b", "NaN"]))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXTS, inner), st.tuples(inner, inner)),
    max_leaves=8,
)


@given(VALUES)
def test_the_quick_way_to_json_says_what_the_careful_one_says(value: Any) -> None:
    assert json.loads(storable_json(value)) == json.loads(json.dumps(storable(value)))


@given(VALUES)
def test_json_that_is_stored_has_nothing_that_postgresql_refuses(value: Any) -> None:
    text = storable_json(value)
    text.encode()

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is no JSON")

    def walk(found: Any) -> None:
        if isinstance(found, str):
            assert "\x00" not in found
        for item in [*found, *found.values()] if isinstance(found, dict) else found if isinstance(found, list) else ():
            walk(item)

    walk(json.loads(text, parse_constant=refuse))
