"""The whole graph, driven from its beginning to its end."""

import json
from typing import Any

import pytest

from sessions.graph.build import RECURSION_LIMIT, build
from sessions.graph.ports import Brief
from sessions.graph.schemas import Dissent
from sessions.models.session import Phase
from tests.graph.room import BOARD, OPTIONS, Deliberation, Room, Voice

#: For ever: stored checkpoints carry these.
NODES = {
    "begin",
    "frame",
    "clarify",
    "decompose",
    "select",
    "open_round",
    "persona",
    "assess",
    "vote",
    "tally",
    "synthesis",
    "plan",
    "finish",
}
CHANNELS = {
    "version",
    "frame",
    "questions",
    "clarification",
    "asked",
    "parts",
    "sub_problem",
    "round",
    "max_rounds",
    "seats",
    "turns",
    "readings",
    "recall",
    "decision",
    "outbox",
}


def test_names_of_nodes_and_channels_never_change() -> None:
    graph = build()
    assert set(graph.nodes) - {"__start__"} == NODES
    assert set(graph.channels) >= CHANNELS
    assert {name for name in graph.channels if not name.startswith(("__", "branch:"))} == CHANNELS


async def test_a_decision_is_debated_to_its_end() -> None:
    d = Deliberation()
    await d.drive()
    assert await d.next() == ()
    assert d.room.ended == {"recommendation": "Stay in Leeds and hire there.", "confidence": 0.66}
    assert d.room.fields["phase"] == "done"
    assert len(d.room.table("contribution")) == 3 * 4
    assert len(d.room.table("recommendation")) == 3
    assert [event["phase"] for event in d.room.of("phase_started")] == [
        "framing",
        "decomposing",
        "selecting",
        "debating",
        "voting",
        "synthesis",
        "planning",
    ]
    assert {event["phase"] for event in d.room.of("phase_started")} < set(Phase.values)
    assert [request.persona for request in d.voice.asked("vote")] == BOARD


async def test_every_step_leaves_its_events_in_order() -> None:
    d = Deliberation(room=_room(rounds=2))
    await d.drive()
    kinds = [event["type"] for event in d.room.events.values()]
    assert [kind for kind in kinds if kind != "phase_started"] == [
        "frame_ready",
        "decomposed",
        "board_selected",
        "round_started",
        *["contribution"] * 3,
        "round_assessed",
        "round_started",
        *["contribution"] * 3,
        "round_assessed",
        *["vote"] * 3,
        "memo_ready",
        "actions_ready",
    ]


async def test_keys_say_where_in_the_deliberation_something_was_said() -> None:
    d = Deliberation(room=_room(rounds=2))
    await d.drive()
    assert set(d.room.rows["contribution"]) == {f"sp0:r{n}:{slug}" for n in (1, 2) for slug in BOARD}
    assert set(d.room.rows["recommendation"]) == {f"sp0:vote:{slug}" for slug in BOARD}
    assert set(d.room.rows["seat"]) == {f"sp0:seat:{slug}" for slug in BOARD}
    assert set(d.room.rows["assessment"]) == {"sp0:r1:assessment", "sp0:r2:assessment"}
    assert all(event["key"] == key for key, event in d.room.events.items() if event["type"] in ("contribution", "vote"))


async def test_two_deliberations_of_the_same_words_leave_the_same_keys_and_prompts() -> None:
    one, other = Deliberation(), Deliberation()
    await one.drive()
    await other.drive()
    assert list(one.room.events) == list(other.room.events)
    assert [(r.node, r.prompt) for r in one.voice.requests] == [(r.node, r.prompt) for r in other.voice.requests]


async def test_three_parts_are_debated_one_after_another() -> None:
    d = Deliberation(Voice(parts=3))
    await d.drive()
    assert d.room.ended is not None
    assert {row["sub_problem"] for row in d.room.table("recommendation")} == {0, 1, 2}
    assert [event["sub_problem"] for event in d.room.of("board_selected")] == [0, 1, 2]
    places = [(event["sub_problem"], event["round"]) for event in d.room.of("round_started")]
    assert places == sorted(places)
    assert len(places) == 3 * 4, "the measures of one part do not stop the next"


async def test_the_longest_deliberation_fits_into_the_steps_allowed() -> None:
    d = Deliberation(Voice(parts=4, complexity=10, board=[*BOARD, "red-team", "ethicist"]))
    d.room.said = Brief(d.room.session_id, "Move?", "", list(OPTIONS), [], 6)
    await d.drive()
    assert d.room.ended
    steps = [s async for s in d.graph.aget_state_history(d.config)]
    assert len(steps) * 2 < RECURSION_LIMIT


@pytest.mark.parametrize(("cap", "rounds"), [(1, 1), (2, 2), (3, 3), (6, 4)])
async def test_the_owners_cap_holds(cap: int, rounds: int) -> None:
    d = Deliberation(room=_room(rounds=cap))
    await d.drive()
    assert len(d.room.of("round_started")) == rounds
    assert d.room.of("frame_ready")[0]["max_rounds"] == rounds
    assert d.room.table("assessment")[-1]["decision"] == "vote"


async def test_a_board_of_one_mind_votes_after_one_round_of_objections() -> None:
    d = Deliberation(Voice(option=lambda persona, round_: OPTIONS[0]))
    await d.drive()
    assert len(d.room.of("round_started")) == 2
    assert "100%" in d.room.of("round_assessed")[-1]["reason"]


async def test_the_facilitator_may_call_the_vote_from_the_second_round() -> None:
    d = Deliberation(Voice(assess={"decision": "vote", "reason": "Only values are left.", "guidance": ""}))
    await d.drive()
    assert len(d.room.of("round_started")) == 2
    assert [event["decision"] for event in d.room.of("round_assessed")] == ["continue", "vote"]
    assert d.room.of("round_assessed")[-1]["reason"] == "Only values are left."


async def test_guidance_reaches_the_next_round() -> None:
    d = Deliberation(room=_room(rounds=2))
    await d.drive()
    assert [event["guidance"] for event in d.room.of("round_started")] == ["", "Settle the rent."]
    second = [r for r in d.voice.asked("persona") if '<round number="2"' in r.prompt]
    assert all("<guidance>\nSettle the rent.\n</guidance>" in r.prompt for r in second)


async def test_an_owners_word_reaches_whoever_speaks_next() -> None:
    d = Deliberation(room=_room(rounds=2))
    d.room.spoken_to = ["The landlord has just called."]
    await d.drive()
    for request in d.voice.requests:
        if request.node in ("persona", "assess", "vote", "synthesis"):
            assert "<interjections>\n- The landlord has just called.\n</interjections>" in request.prompt


async def test_a_first_answer_stays_in_the_record_when_somebody_flips() -> None:
    d = Deliberation(Voice(option=lambda persona, round_: OPTIONS[round_ > 2 or persona != "cost-benefit"]))
    await d.drive()
    first = d.room.rows["contribution"]["sp0:r1:cost-benefit"]
    assert first["option"] == "Move to Lisbon"
    assert d.room.rows["recommendation"]["sp0:vote:cost-benefit"]["option"] == "Stay in Leeds"
    assert "Marguerite Oduya changed from Move to Lisbon (0.50) to Stay in Leeds (0.70)." in (
        d.voice.asked("synthesis")[0].prompt
    )


async def test_options_are_stored_in_the_frames_words() -> None:
    d = Deliberation()
    await d.drive()
    assert {row["option"] for row in d.room.table("recommendation")} == set(OPTIONS), "the script votes in lower case"


async def test_nobody_answers_to_peers_before_hearing_them() -> None:
    d = Deliberation()
    await d.drive()
    assert {row["response"] for row in d.room.table("contribution", round=1)} == {""}
    assert {row["response"] for row in d.room.table("contribution", round=2)} == {"One argument moved me."}


@pytest.mark.parametrize(
    ("claimed", "holder", "quote"),
    [
        (("Marguerite Oduya", "Because voicecostbenefit counted the rents."), "Marguerite Oduya", None),
        (("Ada Thorne", "I never said this."), "Marguerite Oduya", "Because voicecostbenefit counted the rents."),
        (("", ""), "Marguerite Oduya", "Because voicecostbenefit counted the rents."),
    ],
)
async def test_the_memos_dissent_is_held_by_somebody_who_voted_so(
    claimed: tuple[str, str], holder: str, quote: str | None
) -> None:
    d = Deliberation(Voice(dissent=Dissent(persona=claimed[0], position="Move after all.", quote=claimed[1])))
    await d.drive()
    [memo] = d.room.table("memo")
    assert memo["dissent"]["persona"] == holder
    assert memo["dissent"]["quote"] == (quote or claimed[1])
    assert d.room.of("memo_ready")[0]["dissent"] == memo["dissent"]


@pytest.mark.parametrize("board", [["nobody", "pre-mortem", "pre-mortem"], ["a", "b", "c"], [*BOARD, "red-team", "x"]])
async def test_a_board_chosen_badly_is_mended(board: list[str]) -> None:
    d = Deliberation(Voice(board=board))
    await d.drive()
    seats = [row["persona"] for row in d.room.table("seat")]
    assert 3 <= len(seats) == len(set(seats)) <= 5
    assert d.room.ended


async def test_calls_say_who_asks_and_at_which_price() -> None:
    d = Deliberation()
    await d.drive()
    tiers = {request.node: request.tier for request in d.voice.requests}
    assert tiers == {
        "frame": "core",
        "decompose": "core",
        "select": "fast",
        "persona": "core",
        "assess": "fast",
        "vote": "core",
        "synthesis": "core",
        "plan": "core",
    }
    assert {request.session_id for request in d.voice.requests} == {d.room.session_id}
    assert all(request.persona for request in d.voice.requests if request.node in ("persona", "vote"))


async def test_the_state_is_plain_json() -> None:
    d = Deliberation(Voice(parts=2))
    await d.drive()
    values: dict[str, Any] = (await d.graph.aget_state(d.config)).values
    assert json.loads(json.dumps(values)) == values
    assert values["turns"] == {}, "what a join has dealt with is gone"


def _room(rounds: int) -> Room:
    room = Room()
    room.said = Brief(room.session_id, "Move the support team or stay?", "", list(OPTIONS), ["No layoffs"], rounds)
    return room
