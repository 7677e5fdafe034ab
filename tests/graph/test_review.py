"""The owner sees the frame and the board before the debate, and may change both."""

from dataclasses import replace
from typing import Any

import pytest
from langgraph.types import Command

from sessions.models import AuditEntry, Event, Run, Seat, Session, Status, SubProblem
from sessions.runner.foreground import drive_session
from sessions.services import control, start
from sessions.services.access import NotAllowed
from sessions.services.review import Changes, review
from sessions.services.start import InvalidDecision
from sessions.transitions import IllegalTransition, transition
from tests.graph.room import BOARD, OPTIONS, Deliberation, Voice
from tests.graph.test_over_http import CHOICES, LIMITS, PROBLEM
from tests.llm.conftest import Offline

#: What an owner is shown, as the event tells it.
REVIEW: dict[str, Any] = {
    "title": "Where support should sit",
    "question": "Should the team move?",
    "complexity": 8,
    "options": OPTIONS,
    "criteria": ["cost per ticket"],
    "max_rounds": 4,
    "parts": [
        {
            "position": n,
            "title": f"Part {n}",
            "question": f"Which option does aspect{n} favour?",
            "depends_on": [0] if n == 2 else [],
            "seats": [
                {"persona": slug, "name": slug, "method": slug, "reason": "Needed.", "version": 0, "provider": ""}
                for slug in BOARD
            ],
        }
        for n in range(3)
    ],
}


async def shown(**script: Any) -> tuple[Deliberation, Any]:
    d = Deliberation(Voice(**{"parts": 3, "complexity": 8, "needs": {2: [1]}, **script}))
    d.room.said = replace(d.room.said, review=True)
    state = await d.drive()
    [interrupt] = state["__interrupt__"]
    return d, interrupt


async def test_nothing_is_announced_that_the_owner_may_still_change() -> None:
    d, interrupt = await shown()
    found = interrupt.value["review"]
    assert (found["question"], found["options"], found["max_rounds"]) == ("Should the team move?", OPTIONS, 4)
    assert [part["title"] for part in found["parts"]] == ["Part 0", "Part 1", "Part 2"]
    assert found["parts"][2]["depends_on"] == [0]
    assert [seat["persona"] for seat in found["parts"][0]["seats"]] == BOARD
    assert all(seat["reason"] for seat in found["parts"][0]["seats"])
    assert d.room.table("seat") == d.room.table("subproblem") == []
    assert d.room.of("board_selected") == d.room.of("decomposed") == []
    assert d.voice.asked("persona") == []


async def test_a_plain_yes_debates_what_was_shown() -> None:
    d, interrupt = await shown()
    before = len(d.voice.requests)
    await d.drive(Command(resume={interrupt.id: {}}))
    assert d.room.ended
    assert {row["title"] for row in d.room.table("subproblem")} == {"Part 0", "Part 1", "Part 2"}
    assert all(request.node not in ("frame", "decompose", "select") for request in d.voice.requests[before:])


async def test_the_debate_is_about_what_the_owner_made_of_the_frame() -> None:
    d, interrupt = await shown()
    changes = {
        "question": "Should all fourteen move?",
        "options": ["Move all", "Move none"],
        "criteria": ["peace"],
        "max_rounds": 1,
        "drop": [0],
        "parts": {"1": {"title": "The people", "question": "Who would come?"}},
        "veto": {"1": ["pre-mortem"]},
        "pick": {"2": ["red-team"]},
    }
    d.voice.option = lambda persona, round_: "Move all"
    await d.drive(Command(resume={interrupt.id: changes}))
    assert d.room.ended
    asked = [r for r in d.voice.requests if r.node in ("persona", "assess", "vote")]
    assert all("<options>\n- Move all\n- Move none\n</options>" in r.prompt for r in asked)
    assert all("- peace" in r.prompt for r in asked)
    assert {row["question"] for row in d.room.table("subproblem")} == {
        "Who would come?",
        "Which option does aspect2 favour?",
    }
    assert [row["depends_on"] for row in d.room.table("subproblem")] == [[], []], "what it waited for was dropped"
    assert len(d.room.of("round_started")) == 2
    first = {row["persona"] for row in d.room.table("seat", sub_problem=0)}
    assert "pre-mortem" not in first
    assert len(first) == 3, "a vetoed seat is filled anew"
    second = {row["persona"]: row["reason"] for row in d.room.table("seat", sub_problem=1)}
    assert "red-team" in second
    assert second["red-team"].startswith("You asked for this seat.")
    assert d.room.of("frame_ready")[-1]["question"] == "Should all fourteen move?"


async def test_a_decision_of_one_part_takes_the_owners_question() -> None:
    d, interrupt = await shown(parts=1)
    await d.drive(Command(resume={interrupt.id: {"question": "Should we stay?"}}))
    [part] = d.room.table("subproblem")
    assert part["question"] == "Should we stay?"


@pytest.fixture
def waiting(make_session: Any) -> Session:
    session: Session = make_session()
    Session.objects.filter(pk=session.pk).update(status="running")
    transition(session.pk, Status.WAITING, data={"questions": [], "interrupt_id": "i1", "review": REVIEW})
    session.refresh_from_db()
    return session


@pytest.mark.django_db
def test_a_yes_is_one_event_one_audit_entry_and_a_place_in_line(waiting: Session) -> None:
    for _ in range(2):  # pressing it twice is pressing it once
        review(waiting, waiting.owner, Changes(question=" Should all move? ", options=list(OPTIONS)), "i1")
    [event] = Event.objects.filter(session=waiting, type="frame_reviewed")
    assert event.data == {"interrupt_id": "i1", "changes": {"question": "Should all move?"}}, "only what differs"
    waiting.refresh_from_db()
    assert waiting.status == "queued"
    [entry] = AuditEntry.objects.filter(action="review")
    assert entry.after == {"changes": ["question"]}


@pytest.mark.django_db
def test_the_budget_is_set_with_the_yes(waiting: Session) -> None:
    from decimal import Decimal

    review(waiting, waiting.owner, Changes(cost_cap=Decimal("2.5")))
    waiting.refresh_from_db()
    assert waiting.cost_cap == Decimal("2.5")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        (Changes(options=["Only one"]), "too_few_options", "options"),
        (Changes(options=["a" * 381, "b"]), "too_long", "options"),
        (Changes(question="q" * 381), "too_long", "question"),
        (Changes(question="a\x01b"), "control_characters", "question"),
        (Changes(max_rounds=11), "rounds_out_of_range", "max_rounds"),
        (Changes(drop=[0, 1, 2]), "no_part_left", "drop"),
        (Changes(drop=[7]), "unknown_part", "drop"),
        (Changes(veto={0: ["nobody"]}), "unknown_persona", "veto"),
        (Changes(pick={0: ["nobody"]}), "unknown_persona", "pick"),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_its_field(
    waiting: Session, changes: Changes, code: str, field: str
) -> None:
    with pytest.raises(InvalidDecision) as refused:
        review(waiting, waiting.owner, changes)
    assert (refused.value.code, refused.value.field) == (code, field)
    waiting.refresh_from_db()
    assert waiting.status == "waiting"
    assert not Event.objects.filter(session=waiting, type="frame_reviewed").exists()


@pytest.mark.django_db
def test_a_review_is_for_its_owner_and_its_moment(waiting: Session, make_session: Any, django_user_model: Any) -> None:
    with pytest.raises(NotAllowed):
        review(waiting, django_user_model.objects.create_user("eve"), Changes())
    with pytest.raises(IllegalTransition):
        review(make_session(), waiting.owner, Changes())
    with pytest.raises(control.InvalidWord) as refused:
        control.answer(waiting, waiting.owner, [])
    assert refused.value.code == "review_expected"


@pytest.mark.django_db(transaction=True)
def test_a_session_waits_for_its_review_without_a_worker_and_goes_on_with_it(
    offline: Offline, make_session: Any
) -> None:
    """SE7: on real parts, from the wait to the end; nobody holds a lease meanwhile."""
    session = make_session(problem=PROBLEM, options=CHOICES, constraints=LIMITS, review_frame=True)
    start.start(session)
    assert drive_session(session.pk) == Status.WAITING
    session.refresh_from_db()
    assert (session.lease_owner, session.lease_until) == ("", None)
    assert not Run.objects.filter(session=session, ended_at=None).exists()
    event = Event.objects.get(session=session, type="session_waiting")
    parts = event.data["review"]["parts"]
    vetoed = parts[0]["seats"][0]["persona"]
    changes = Changes(max_rounds=2, veto={0: [vetoed]}, drop=[part["position"] for part in parts[1:]])
    review(session, session.owner, changes, event.data["interrupt_id"])
    assert drive_session(session.pk) == Status.COMPLETED
    assert not Event.objects.filter(session=session, type="item_rejected").exists()
    assert SubProblem.objects.filter(session=session).count() == 1
    seats = set(Seat.objects.filter(session=session).values_list("persona", flat=True))
    assert vetoed not in seats
    assert len(seats) == len(parts[0]["seats"])
    session.refresh_from_db()
    assert session.max_rounds == 2
