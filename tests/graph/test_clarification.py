"""The board asks once, waits, and goes on with the answers."""

import pytest
from langgraph.types import Command

from sessions.graph.nodes.clarify import UNANSWERED, paired
from tests.graph.room import Deliberation, Voice

QUESTIONS = ["Is the lease signed?", "Who may refuse to move?"]


async def asked_and_answered(answers: object) -> Deliberation:
    d = Deliberation(Voice(missing=QUESTIONS))
    state = await d.drive()
    [interrupt] = state["__interrupt__"]
    assert interrupt.value == {"questions": QUESTIONS}
    assert d.room.of("frame_ready") == [], "nothing is announced that the answers may change"
    assert len(d.voice.requests) == 1
    await d.drive(Command(resume={interrupt.id: answers}))
    return d


async def test_answers_become_part_of_every_later_prompt() -> None:
    d = await asked_and_answered(["Not before June.", "Four <b>people</b>."])
    assert d.room.ended
    for request in d.voice.requests[1:]:
        assert "- Is the lease signed? — Not before June." in request.prompt
        assert "Four &lt;b>people&lt;/b>." in request.prompt
    assert len(d.room.of("frame_ready")) == 1


async def test_a_model_that_goes_on_asking_is_not_passed_on() -> None:
    d = await asked_and_answered(["No", "Nobody"])
    assert len(d.voice.asked("frame")) == 2
    assert "The owner has been asked" in d.voice.asked("frame")[1].system
    assert d.room.ended, "the second frame still asks, but the owner is asked only once"


async def test_waiting_resumed_without_an_answer_goes_on_waiting() -> None:
    d = Deliberation(Voice(missing=QUESTIONS))
    await d.drive()
    state = await d.drive(None)
    assert state["__interrupt__"]
    assert len(d.voice.requests) == 1, "and nothing is paid for it"


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        (["a", "b"], ["a", "b"]),
        (["a"], ["a", UNANSWERED]),
        (["", "  "], [UNANSWERED, UNANSWERED]),
        (["a", "b", "c"], ["a", "b"]),
        ("a", ["a", UNANSWERED]),
        ({QUESTIONS[1]: "b"}, [UNANSWERED, "b"]),
        ({"0": "a"}, ["a", UNANSWERED]),
        (None, [UNANSWERED, UNANSWERED]),
        ([1, "x" * 5000], ["1", "x" * 4000]),
    ],
)
def test_answers_of_any_shape_are_put_beside_their_questions(answers: object, kept: list[str]) -> None:
    pairs = paired(QUESTIONS, answers)
    assert [pair["question"] for pair in pairs] == QUESTIONS
    assert [pair["answer"] for pair in pairs] == kept
