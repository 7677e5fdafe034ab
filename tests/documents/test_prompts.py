"""How documents stand in a prompt: bounded together, shared fairly, every cut said in words."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.graph.ports import Paper
from sessions.prompts import sections
from sessions.prompts.sections import LONGEST_DOCUMENTS, shares
from tests.graph.room import Deliberation


@given(st.lists(st.integers(0, 300_000), max_size=5), st.integers(0, 50_000))
def test_documents_share_the_room_so_that_none_has_more_than_it_needs(wanted: list[int], limit: int) -> None:
    given_ = shares(wanted, limit)
    assert all(0 <= got <= want for got, want in zip(given_, wanted, strict=True))
    assert sum(given_) <= limit
    cut = [got for got, want in zip(given_, wanted, strict=True) if got < want]
    assert not cut or sum(given_) > limit - len(wanted), "room is left only by rounding"
    assert not cut or max(cut) - min(cut) <= 1, "those that are cut have equal parts"
    assert not cut or all(got <= max(cut) + 1 for got in given_)


def test_a_cut_is_said_in_words_and_whole_documents_say_nothing() -> None:
    made = sections.documents([("a.md", "markdown", "whole", 5), ("b.pdf", "pdf", "x" * 24_000, 90_000)])
    assert made.count("[cut here") == 1
    assert f"goes on for {90_000 - (LONGEST_DOCUMENTS - 5)} characters that the board does not see" in made
    assert made.index("whole") < made.index("[cut here")


def test_no_number_of_documents_makes_a_prompt_longer_than_its_bound() -> None:
    papers = [(f"{n}.txt", "text", "<" * LONGEST_DOCUMENTS, 200_000) for n in range(5)]
    text = sections.documents(papers)
    assert text.count("&lt;") <= LONGEST_DOCUMENTS
    assert len(text.replace("&lt;", "<")) < LONGEST_DOCUMENTS + 5 * 300


@pytest.mark.parametrize("node", ["frame", "decompose", "select", "persona", "assess", "vote", "synthesis", "plan"])
async def test_every_step_that_thinks_about_the_decision_reads_its_documents(node: str) -> None:
    d = Deliberation()
    papers = [Paper("rents.md", "markdown", "Leeds 400, Lisbon 310", 21)]
    d.room.said = replace(d.room.said, papers=papers)
    await d.drive()
    asked = d.voice.asked(node)
    assert asked
    for request in asked:
        assert request.prompt.count("<document ") == 1
        assert re.search(r'name="rents.md" kind="markdown">\nLeeds 400, Lisbon 310\n</document>', request.prompt)
        assert "Lisbon 310" not in request.system
