"""What must hold of any board: order changes nothing, first answers stay, names reach no peer, prompts stay small."""

import asyncio
import random
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.graph import aggregation, consistency
from sessions.graph.sources import References
from sessions.personas import catalogue
from tests.bench.prompts import GROWTH, wordy
from tests.graph.room import BOARD, OPTIONS, Deliberation, Room, Voice

ballot = st.fixed_dictionaries(
    {
        "persona": st.sampled_from("abcdefgh"),
        "name": st.sampled_from(["Ann", "Bo", "Cy"]),
        "option": st.sampled_from(["X", "Y", "Z"]),
        "confidence": st.floats(0, 1),
        "sub_problem": st.integers(0, 3),
    }
)


@given(st.lists(ballot, max_size=20), st.randoms(use_true_random=False))
def test_a_shuffled_board_gives_the_same_aggregate(rows: list[dict[str, Any]], dice: random.Random) -> None:
    first = [row | {"round": 1} for row in rows]
    unique = list({(row["sub_problem"], row["persona"]): row for row in rows}.values())
    shuffled = list(unique)
    dice.shuffle(shuffled)
    parts = [{"position": n, "title": f"T{n}"} for n in range(4)]
    assert aggregation.standing(first, unique) == aggregation.standing(first, shuffled)
    assert consistency.tensions(parts, unique) == consistency.tensions(parts[::-1], shuffled)


@settings(max_examples=15)
@given(
    st.dictionaries(st.tuples(st.sampled_from(BOARD), st.integers(1, 4)), st.sampled_from(OPTIONS)),
    st.sets(st.tuples(st.sampled_from(BOARD), st.integers(1, 4)), max_size=1),
)
def test_whoever_spoke_first_is_in_the_record_whatever_came_later(
    argued: dict[tuple[str, int], str], silent: set[tuple[str, int]]
) -> None:
    from tests.graph.room import outage

    def fails(request: Any) -> Any:
        number = request.prompt.split('<round number="')[-1].split('"')[0]
        hit = request.node == "persona" and (request.persona, int(number)) in silent
        return outage() if hit else None

    d = Deliberation(Voice(option=lambda persona, round_: argued.get((persona, round_), OPTIONS[0]), fail=fails))
    asyncio.run(d.drive())
    assert d.room.ended
    first = {row["persona"]: row["option"] for row in d.room.table("contribution", round=1)}
    assert first == {who: argued.get((who, 1), OPTIONS[0]) for who in BOARD if (who, 1) not in silent}
    [settled] = d.room.of("part_settled")
    votes = {row["persona"]: row["option"] for row in d.room.table("recommendation")}
    flips = {flip["persona"]: (flip["before"], flip["after"]) for flip in settled["flips"]}
    assert flips == {who: (option, votes[who]) for who, option in first.items() if votes[who] != option}


@settings(max_examples=15)
@given(st.data())
def test_no_prompt_to_a_member_of_the_board_contains_a_peers_name(data: st.DataObject) -> None:
    """Whatever models let slip in claims, reasons, summaries, guidance and moderators' words."""
    people = catalogue()
    board = data.draw(st.lists(st.sampled_from(sorted(people)), min_size=3, max_size=5, unique=True))
    slip = data.draw(st.sampled_from([people[slug].name for slug in board]))
    loud = data.draw(st.sampled_from([str.upper, str.lower, str]))

    class Gossip(Voice):
        def _position(self, request: Any) -> Any:
            found = super()._position(request)
            said = f"{loud(slip)} is right, as the {slip}'s case shows."
            return found.model_copy(update={"claim": said, "reasons": [said], "conditions": [said]})

        def _intervention(self, request: Any) -> Any:
            return super()._intervention(request).model_copy(update={"claim": f"All follow {slip}."})

    script = {
        "summary": f"{slip} leads.",
        "guidance": f"Answer {slip}.",
        "decision": "moderate",
        "moderator": "sceptic",
    }
    d = Deliberation(Gossip(board=board, assess=script), Room())
    d.room.said = replace(d.room.said, max_rounds=3)
    asyncio.run(d.drive())
    assert d.room.ended
    seated = {row["persona"]: row["name"] for row in d.room.table("seat")}
    assert d.voice.asked("moderate"), "a moderator is asked too"
    for request in d.voice.requests:
        if request.node not in ("persona", "vote", "moderate"):
            continue
        for slug, name in seated.items():
            if slug != request.persona:
                bare = re.sub(r"^the\s+", "", name, flags=re.IGNORECASE)
                text = (request.prompt + request.system).casefold()
                assert not re.search(rf"\b{re.escape(bare.casefold())}\b", text), (slug, request.node)
        assert "scripted" not in request.prompt, "nor the model that wrote what they said"


def test_labels_differ_by_reader_and_round() -> None:
    d = Deliberation(Voice(complexity=10, board=[*BOARD, "red-team", "base-rates"]))
    d.room.said = replace(d.room.said, max_rounds=5)
    asyncio.run(d.drive())
    seen: dict[str, set[str]] = {}
    for request in d.voice.asked("persona"):
        for letter, who in re.findall(r"Participant (\w) .*?claim of voice(\w+) in", request.prompt):
            seen.setdefault(who, set()).add(letter)
    assert len(seen) == 5
    assert all(len(letters) > 1 for letters in seen.values()), seen


@pytest.mark.parametrize("experts", [3, 5])
def test_a_prompt_grows_by_at_most_a_twentieth_after_the_first_rounds(experts: int) -> None:
    rows = wordy(experts, 6)
    assert [row.round for row in rows] == [1, 2, 3, 4, 5, 6]
    assert max(row.persona for row in rows) <= GROWTH * rows[1].persona
    assert max(row.facilitator for row in rows) <= GROWTH * rows[1].facilitator
    assert rows[5].transcript > 2 * rows[5].persona, "what the summary saves"


VOTES = [
    {
        "key": f"sp0:vote:{who}",
        "recommendation": f"{who} would rent in Porto.",
        "reasons": [f"{who} counted the tickets of Lisbon."],
        "conditions": [],
    }
    for who in ("ann", "bo")
]


@pytest.mark.parametrize(
    ("text", "plain", "keys", "by"),
    [
        ("Rent in Porto [v1].", "Rent in Porto.", ["sp0:vote:ann"], "board"),
        ("Rent in Porto [v1, V2].", "Rent in Porto.", ["sp0:vote:ann", "sp0:vote:bo"], "board"),
        ("Rent [v1; v9] it.", "Rent it.", ["sp0:vote:ann"], "board"),
        ("They counted tickets of Lisbon [v9].", "They counted tickets of Lisbon.", ["sp0:vote:ann"], "wording"),
        ("Lisbon counted the tickets.", "Lisbon counted the tickets.", ["sp0:vote:ann"], "wording"),
    ],
)
def test_a_statement_keeps_only_sources_that_exist(text: str, plain: str, keys: list[str], by: str) -> None:
    references = References(VOTES, [])
    assert references.statement("rationale", text) == plain
    assert [(source["keys"], source["by"]) for source in references.sources] == [(keys, by)]


def test_a_quoted_name_within_a_sentence_does_not_end_it() -> None:
    references = References(VOTES, [])
    references.statement(
        "rationale", "Choose “Rent” in Porto [v2]. She said “no.” [v1] Then all agreed with Lisbon [v1]."
    )
    assert [(source["text"], source["keys"]) for source in references.sources] == [
        ("Choose “Rent” in Porto.", ["sp0:vote:bo"]),
        ("She said “no.” Then all agreed with Lisbon.", ["sp0:vote:ann"]),
    ]


def test_a_statement_that_rests_on_nobody_gets_no_source() -> None:
    references = References(VOTES, [])
    assert references.statement("rationale", "Dragons breathe fire [c7].") == "Dragons breathe fire."
    assert references.sources == []


def test_parts_that_pull_apart_are_named_and_given_to_the_memos_writer() -> None:
    option = {0: OPTIONS[0], 1: OPTIONS[1]}

    class Split(Voice):
        def _vote(self, request: Any) -> Any:
            part = int(request.prompt.split("aspect")[1][0])
            return super()._vote(request).model_copy(update={"option": option[part]})

    d = Deliberation(Split(parts=2), Room())
    d.room.said = replace(d.room.said, max_rounds=1)
    asyncio.run(d.drive())
    prompt = d.voice.asked("synthesis")[0].prompt
    assert (
        "<consistency>\n- “Part 0” and “Part 1” pull apart: the one speaks for Move to Lisbon, the other for Stay in"
        " Leeds." in prompt
    )
