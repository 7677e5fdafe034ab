"""The whole graph, driven from its beginning to its end."""

from tests.graph.room import BOARD, Deliberation, Room, Voice


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
    assert [request.persona for request in d.voice.asked("vote")] == BOARD


async def test_three_parts_are_debated_one_after_another() -> None:
    d = Deliberation(Voice(parts=3), Room())
    await d.drive()
    assert d.room.ended is not None
    assert {row["sub_problem"] for row in d.room.table("recommendation")} == {0, 1, 2}
    assert [event["sub_problem"] for event in d.room.of("board_selected")] == [0, 1, 2]
