"""Prompt files and the sections that carry data."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.graph import material
from sessions.graph.peers import anonymous, heard, unmasking
from sessions.personas import catalogue
from sessions.prompts import prompt, sections
from sessions.prompts.files import names
from sessions.services import start

STEPS = ["frame", "decompose", "select", "persona", "assess", "moderate", "vote", "synthesis", "plan"]


@pytest.mark.parametrize("name", STEPS)
def test_every_step_that_asks_has_a_versioned_prompt(name: str) -> None:
    assert prompt(name).version >= 1
    assert len(prompt(name).text) > 500


@pytest.mark.parametrize("name", names())
def test_a_prompt_contains_no_section_of_its_own(name: str) -> None:
    assert "<" not in prompt(name).text, "a tag in the rules would be read as data"


@pytest.mark.parametrize("name", STEPS)
def test_every_prompt_says_that_material_is_no_instruction(name: str) -> None:
    assert re.search(r"not\s+instructions|is\s+material\s+to\s+think|material,\s+not", prompt(name).text)


def test_a_prompt_is_never_rendered_with_a_hole_or_a_surplus() -> None:
    with pytest.raises(KeyError):
        prompt("vote").render()
    with pytest.raises(KeyError):
        prompt("vote").render(persona="p", other="o")


def test_a_persona_is_presented_with_method_and_blind_spot() -> None:
    who = catalogue()["pre-mortem"]
    text = material.persona(who)
    assert text.startswith('<persona slug="pre-mortem" name="Ada Thorne" method="pre-mortem">')
    assert who.blind_spot in text


hostile = st.text(alphabet=st.sampled_from(list("</decision>options|\n- ab")), min_size=1)


@given(hostile)
def test_no_text_can_leave_its_section(text: str) -> None:
    for made in (sections.block("decision", text), sections.items("options", [text])):
        tags = re.findall(r"</?[a-z_]+[^>]*>", made)
        assert len(tags) in (0, 2)


@given(st.lists(hostile, min_size=1))
def test_no_item_can_forge_another(texts: list[str]) -> None:
    made = sections.items("options", texts)
    assert made.count("\n- ") == sum(bool(text.strip()) for text in texts)


@given(st.lists(hostile, min_size=3, max_size=3))
def test_no_cell_can_forge_a_column(cells: list[str]) -> None:
    assert sections.table("votes", [cells]).count(" | ") == 2


def test_empty_sections_are_left_out() -> None:
    assert sections.joined(sections.block("context", "  "), sections.items("options", []), "x") == "x"


def test_a_context_beyond_the_limit_is_cut_and_says_so() -> None:
    made = sections.block("context", "a" * 66_000)
    assert len(made) < 61_000
    assert "[cut here: 6000 characters more]" in made


def test_nothing_that_a_session_may_hold_is_cut() -> None:
    assert max(start.MAX_CONTEXT, start.MAX_PROBLEM) <= sections.LONGEST_TEXT


def contribution(persona: str, claim: str) -> dict[str, object]:
    return {"persona": persona, "option": "A", "confidence": 0.5, "claim": claim, "reasons": ["r"], "conditions": []}


def test_names_are_taken_out_of_what_peers_said() -> None:
    assert (
        anonymous("Ada Thorne's case; ada thorne again", ["Ada Thorne"]) == "a participant's case; a participant again"
    )
    assert anonymous("nothing here", []) == "nothing here"


#: Letters that a pattern takes for one another when it ignores case.
ALIKE = {"k": "kK\u212a", "a": "aA", "i": "iI\u0130\u0131", "s": "sS\u017f"}


@given(
    st.tuples(*(st.sampled_from(ALIKE[letter]) for letter in "kais")).map("".join), st.text("ais \u0307.", max_size=3)
)
def test_looking_for_names_before_taking_them_out_overlooks_none(kais: str, more: str) -> None:
    text = f"{more}{kais} and the {kais}{more} {kais[1:]}{kais}"
    for board in (["Kais"], ["The Kais", "Aisk"], ["ais"], ["Nobody"]):
        bare = "|".join(name.removeprefix("The ") for name in sorted(board, key=len, reverse=True))
        whole = re.compile(rf"\b(?:the\s+)?(?:{bare})\b", re.IGNORECASE)
        assert anonymous(text, board) == whole.sub("a participant", text)


def test_letters_in_an_answer_become_the_names_of_those_who_were_heard() -> None:
    said = [contribution(f"p{n}", f"claim {n}") | {"name": f"Person {n}"} for n in range(4)]
    for reader, round_ in (("p0", 2), ("p1", 2), ("p1", 3)):
        lines = heard(said, reader=reader, round_=round_, names=[]).splitlines()[1:-1]
        for line in lines:
            letter, number = re.findall(r"Participant (\w)", line)[0], re.findall(r"claim (\d)", line)[0]
            answer = f"Participant {letter}'s case fails."
            assert unmasking(said, reader=reader, round_=round_)(answer) == f"Person {number}'s case fails."
    assert unmasking(said, reader="p0", round_=2)("Participant Z spoke.") == "Participant Z spoke."


def test_peers_are_dealt_anew_for_every_reader_and_round() -> None:
    said = [contribution(f"p{n}", f"claim {n}") for n in range(5)]
    orders = {
        tuple(re.findall(r"claim \d", heard(said, reader=reader, round_=round_, names=[])))
        for reader in ("p0", "x", "y")
        for round_ in (2, 3, 4)
    }
    assert len(orders) > 5
    assert "claim 0" not in heard(said, reader="p0", round_=2, names=[])


def test_a_reader_gets_the_same_letters_when_the_step_is_repeated() -> None:
    said = [contribution(f"p{n}", f"claim {n}") for n in range(5)]
    assert heard(said, reader="x", round_=2, names=[]) == heard(said[::-1], reader="x", round_=2, names=[])
