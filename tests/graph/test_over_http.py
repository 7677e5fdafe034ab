"""The graph through the real broker and the official SDKs, over HTTP, to the offline provider (LM4, LM6)."""

from typing import Any

import pytest

from llm import broker
from llm.models import LLMCall
from sessions.graph.ports import Brief
from tests.graph.room import Deliberation, Room
from tests.llm.conftest import Offline

PROBLEM = (
    "We make a wrist sensor that warns people with epilepsy of a seizure. It is ready as a wellness product in Ireland,"
    " where we can sell it from March without a medical claim; approval as a medical device would take fourteen months"
    " and 420,000 euros, of which we have 600,000. Two hospital groups say that they will only buy an approved device."
    " Our five engineers want to ship. Patients in the trial ask when they can have it."
)
CHOICES = ["Launch as a wellness product in March", "Wait for medical approval", "Sell to one research hospital first"]
LIMITS = ["Cash lasts for eleven months at the present rate", "No claim that the law does not allow"]


def medical() -> Room:
    room = Room()
    room.said = Brief(room.session_id, PROBLEM, "", CHOICES, LIMITS, 4)
    return room


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("primary", ["anthropic", "openai"])
async def test_a_deliberation_runs_to_its_end_over_the_wire_of(primary: str, offline: Offline, settings: Any) -> None:
    settings.LLM_PRIMARY = primary
    d = Deliberation(voice=broker.complete, room=medical())
    await d.drive()
    room = d.room
    assert room.ended is not None
    assert room.of("item_rejected") == []
    first = [row for row in room.table("contribution") if row["round"] == 1]
    seats = room.table("seat")
    assert len(first) == len(seats)
    assert 3 <= len([seat for seat in seats if seat["sub_problem"] == 0]) <= 5
    assert {row["option"] for row in room.table("recommendation")} <= set(CHOICES)
    assert all(row["offline"] for row in room.table("contribution"))
    calls = [call async for call in LLMCall.objects.filter(session_id=room.session_id)]
    assert {call.provider for call in calls} == {primary}
    assert all(call.node for call in calls)
    tables = ("subproblem", "contribution", "assessment", "intervention", "recommendation")
    asked = 4 + sum(len(room.table(name)) for name in tables)
    assert len(calls) == asked, "one call a step: frame, decompose, synthesis, plan, and one a row of the others"


@pytest.mark.django_db(transaction=True)
async def test_the_minority_report_quotes_a_real_voter(offline: Offline) -> None:
    d = Deliberation(voice=broker.complete, room=medical())
    await d.drive()
    [memo] = d.room.table("memo")
    votes = {vote["name"]: vote for vote in d.room.table("recommendation")}
    dissent = memo["dissent"]
    if len({vote["option"] for vote in votes.values()}) == 1:
        assert dissent["persona"] == ""
    else:
        holders = [vote for vote in d.room.table("recommendation") if vote["name"] == dissent["persona"]]
        said = " ".join(
            " ".join([vote["recommendation"], *vote["reasons"], *vote["conditions"], vote["would_change_my_mind"]])
            for vote in holders
        )
        assert dissent["quote"].strip(".") in said
