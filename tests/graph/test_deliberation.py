"""The whole graph, driven from its beginning to its end."""

import json
from dataclasses import replace
from typing import Any

import pytest
from langgraph.types import Command

from sessions.graph.build import GRAPH_VERSION, RECURSION_LIMIT, build, debate
from sessions.graph.nodes.decompose import outlined
from sessions.graph.ports import Brief, Spent
from sessions.graph.schemas import Dissent, SubProblemDraft
from sessions.models.session import Phase, Session
from tests.graph.room import BOARD, OPTIONS, Deliberation, Room, Voice, outage

#: For ever: stored checkpoints carry these.
NODES = {
    "deliberation": {
        "begin",
        "frame",
        "clarify",
        "decompose",
        "select",
        "review",
        "debate",
        "gather",
        "synthesis",
        "plan",
        "finish",
    },
    "debate": {"open_round", "persona", "assess", "moderate", "consult", "vote", "tally"},
}
CHANNELS = {
    "deliberation": {
        "version",
        "frame",
        "questions",
        "clarification",
        "asked",
        "max_rounds",
        "review",
        "outline",
        "seats",
        "boards",
        "results",
        "outbox",
    },
    "debate": {
        "sub_problem",
        "alone",
        "question",
        "frame",
        "clarification",
        "depends_on",
        "board",
        "round",
        "max_rounds",
        "turns",
        "readings",
        "recall",
        "decision",
        "moderators",
        "call",
        "questions",
        "consulted",
        "entry",
        "results",
        "outbox",
    },
}


@pytest.mark.parametrize("graph", [build(), debate()], ids=["deliberation", "debate"])
def test_names_of_nodes_and_channels_never_change(graph: Any) -> None:
    assert set(graph.nodes) - {"__start__"} == NODES[graph.name]
    assert {name for name in graph.channels if not name.startswith(("__", "branch:"))} == CHANNELS[graph.name]


def test_new_sessions_are_of_the_version_that_this_release_can_drive() -> None:
    assert Session().graph_version == GRAPH_VERSION


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
        "part_settled",
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


async def test_three_parts_are_debated_side_by_side() -> None:
    d = Deliberation(Voice(parts=3, complexity=8), _room(rounds=4))
    await d.drive()
    assert d.room.ended is not None
    assert {row["sub_problem"] for row in d.room.table("recommendation")} == {0, 1, 2}
    assert {event["sub_problem"] for event in d.room.of("board_selected")} == {0, 1, 2}
    started = [(event["round"], event["sub_problem"]) for event in d.room.of("round_started")]
    assert len(started) == 3 * 4, "the measures of one part do not stop another"
    assert {part for _, part in started[:3]} == {0, 1, 2}, "all have begun before any has gone on"
    assert d.room.fields["round"] == 4


async def test_a_part_that_depends_on_another_waits_for_it_and_hears_what_it_came_to() -> None:
    d = Deliberation(Voice(parts=3, complexity=8, needs={2: [1]}), _room(rounds=1))
    await d.drive()
    kinds = [(event["type"], event.get("sub_problem")) for event in d.room.events.values()]
    begun = kinds.index(("round_started", 2))
    assert kinds.index(("part_settled", 0)) < begun
    assert kinds.index(("part_settled", 1)) < begun, "the batch before is settled"
    for request in d.voice.requests:
        if request.node in ("persona", "assess", "vote"):
            assert ("<settled>\n- Part 0: " in request.prompt) == ("aspect2" in request.prompt)


async def test_a_simple_decision_is_left_whole_without_asking_anybody() -> None:
    d = Deliberation(Voice(parts=3, complexity=3))
    await d.drive()
    assert d.voice.asked("decompose") == []
    [part] = d.room.table("subproblem")
    assert (part["title"], part["question"]) == ("Where support should sit", "Should the team move?")


async def test_parts_are_no_more_than_the_complexity_allows_and_depend_on_earlier_ones_only() -> None:
    drafts = [
        SubProblemDraft(title=f"Part {n}", question=f"Question {n % 4}?", depends_on=needs)
        for n, needs in ((0, [1, 2]), (1, [1]), (4, []), (2, [1, 2, 4]), (3, [1]))
    ]
    assert [(part["title"], part["depends_on"]) for part in outlined(drafts, 3)] == [
        ("Part 0", []),
        ("Part 1", [0]),
        ("Part 2", [0, 1]),
    ]


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


async def test_a_moderator_speaks_into_the_next_round_without_a_name() -> None:
    d = Deliberation(Voice(option=lambda persona, round_: OPTIONS[0]))
    await d.drive()
    assert [event["decision"] for event in d.room.of("round_assessed")] == ["moderate", "vote"]
    assert d.room.of("round_assessed")[0]["reason"].startswith("The ethicist is called: 100%")
    [spoken] = d.room.of("intervention")
    assert (spoken["moderator"], spoken["cause"], spoken["round"]) == ("ethicist", "early agreement", 2)
    [row] = d.room.table("intervention")
    assert row["question"] == "What if rents double?"
    kinds = [event["type"] for event in d.room.events.values()]
    assert kinds.index("intervention") < kinds.index("round_started", kinds.index("round_assessed"))
    second = [r for r in d.voice.asked("persona") if '<round number="2"' in r.prompt]
    assert len(second) == 3
    for request in second:
        assert "<intervention>\n- You agree too soon.\n- Rents may rise.\n- What if rents double?\n" in request.prompt
        assert "ethicist" not in request.prompt
    assert not any("<intervention>" in r.prompt for r in d.voice.requests if r not in second)


async def test_a_moderator_that_fails_costs_the_round_nothing() -> None:
    d = Deliberation(
        Voice(option=lambda persona, round_: OPTIONS[0], fail=lambda r: outage() if r.node == "moderate" else None)
    )
    await d.drive()
    assert d.room.ended
    assert d.room.table("intervention") == []
    [failed] = d.room.of("contribution_failed")
    assert (failed["name"], failed["round"]) == ("The ethicist", 2)
    assert len(d.room.table("contribution", round=2)) == 3


async def test_the_facilitator_may_have_the_owner_asked_once_between_rounds() -> None:
    asks = {"decision": "clarify", "reason": "It turns on the rent.", "ask_owner": ["What is the rent?"]}
    d = Deliberation(Voice(assess=asks), _room(rounds=3))
    state = await d.drive()
    [interrupt] = state["__interrupt__"]
    assert interrupt.value == {"questions": ["What is the rent?"]}
    assert d.room.of("round_assessed")[-1]["decision"] == "clarify"
    assert len(d.room.of("round_started")) == 1, "the next round waits for the answer"
    before = len(d.voice.requests)
    await d.drive(Command(resume={interrupt.id: ["Thirty"]}))
    assert d.room.ended, "and is not asked again, though the facilitator still wants to"
    after = [r for r in d.voice.requests[before:] if r.node in ("persona", "assess", "vote")]
    assert all("- What is the rent? — Thirty" in r.prompt for r in after)
    assert asked_once(d)


async def test_two_parts_that_ask_the_owner_are_answered_one_after_the_other() -> None:
    asks = {"decision": "clarify", "reason": "It turns on it.", "ask_owner": ["What is the rent?"]}
    d = Deliberation(Voice(assess=asks, parts=2), _room(rounds=2))
    state = await d.drive()
    first, second = state["__interrupt__"]
    assert first.id != second.id
    state = await d.drive(Command(resume={first.id: ["Thirty"]}))
    assert [item.id for item in state["__interrupt__"]] == [second.id]
    await d.drive(Command(resume={second.id: ["Forty"]}))
    assert d.room.ended
    assert asked_once(d)


def asked_once(d: Deliberation) -> bool:
    keys = [(r.task_id, r.node) for r in d.voice.requests]
    return len(keys) == len(set(keys))


@pytest.mark.parametrize(("cap", "left"), [(1.0, "vote"), (None, "continue"), (100.0, "continue")])
async def test_the_board_votes_when_the_cap_pays_for_no_further_round(cap: float | None, left: str) -> None:
    room = _room(rounds=4)
    room.said = replace(room.said, cost_cap=cap)
    room.cost = Spent(dollars=0.6, calls=6, longest=3.0)
    d = Deliberation(room=room)
    await d.drive()
    assert d.room.of("round_assessed")[0]["decision"] == left
    assert d.room.ended


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
    assert values["results"] == {"0": {"rounds": 4}, "1": {"rounds": 4}}, "what a debate has dealt with is gone"


def _room(rounds: int) -> Room:
    room = Room()
    room.said = Brief(room.session_id, "Move the support team or stay?", "", list(OPTIONS), ["No layoffs"], rounds)
    return room
