"""A voice that fails: what goes on without it, what does not, and what a retry asks again (SE2, SE4)."""

from typing import Any

import pytest

from llm.errors import Condition, LLMError
from llm.types import Request
from sessions.graph.failures import DeliberationFailed
from tests.graph.room import BOARD, Deliberation, Voice, outage


class Broken:
    """Fails the requests of some personas at some node until it is mended."""

    def __init__(self, *personas: str, node: str = "persona", round_: int = 0, error: LLMError | None = None) -> None:
        self.personas, self.node, self.round = set(personas), node, round_
        self.error = error or outage()

    def __call__(self, request: Request[Any]) -> LLMError | None:
        placed = not self.round or f'<round number="{self.round}"' in request.prompt
        return self.error if request.node == self.node and request.persona in self.personas and placed else None

    def mend(self) -> None:
        self.personas = set()


def asked(d: Deliberation, node: str, round_: int = 0) -> list[str]:
    return [r.persona for r in d.voice.asked(node) if not round_ or f'<round number="{round_}"' in r.prompt]


async def test_the_board_goes_on_without_one_of_three() -> None:
    d = Deliberation(Voice(fail=Broken("pre-mortem")))
    await d.drive()
    assert d.room.ended
    failures = d.room.of("contribution_failed")
    assert [event["round"] for event in failures] == [1, 2, 3, 4]
    assert {(event["persona"], event["name"], event["code"]) for event in failures} == {
        ("pre-mortem", "Ada Thorne", "overloaded")
    }
    assert len(d.room.table("contribution")) == 2 * 4
    assert len(d.room.table("recommendation")) == 3, "who could not speak may still vote"


async def test_too_few_voices_fail_the_round_and_a_retry_asks_only_the_missing() -> None:
    broken = Broken("pre-mortem", "stakeholders", round_=2)
    d = Deliberation(Voice(fail=broken))
    with pytest.raises(DeliberationFailed) as caught:
        await d.drive()
    assert (caught.value.code, caught.value.recoverable, caught.value.node) == ("overloaded", True, "assess")
    assert "1 of 3" in caught.value.message
    assert await d.next() == ("gather",)
    assert d.room.ended is None
    before = len(d.voice.requests)

    broken.mend()
    await d.drive(None)
    assert d.room.ended
    again = d.voice.requests[before:]
    assert [r.persona for r in again[:2]] == ["pre-mortem", "stakeholders"]
    assert asked(d, "persona", 2).count("cost-benefit") == 1, "who had spoken is not asked again"
    assert asked(d, "persona", 1) == BOARD
    assert len(d.room.table("contribution", round=2)) == 3


async def test_a_retry_that_fails_again_fails_again_and_never_circles() -> None:
    broken = Broken("pre-mortem", "stakeholders", round_=1)
    d = Deliberation(Voice(fail=broken))
    for attempt in range(1, 4):
        with pytest.raises(DeliberationFailed):
            await d.drive(... if attempt == 1 else None)
        assert asked(d, "persona", 1).count("pre-mortem") == attempt
        assert asked(d, "persona", 1).count("cost-benefit") == 1
    assert len(d.room.of("contribution_failed")) == 6, "every attempt is told"
    broken.mend()
    await d.drive(None)
    assert d.room.ended


async def test_a_retry_that_mends_one_of_two_is_enough_to_go_on() -> None:
    broken = Broken("pre-mortem", "stakeholders", round_=1)
    d = Deliberation(Voice(fail=broken))
    with pytest.raises(DeliberationFailed):
        await d.drive()
    broken.personas = {"pre-mortem"}
    await d.drive(None)
    assert d.room.ended
    assert {row["persona"] for row in d.room.table("contribution", round=1)} == {"cost-benefit", "stakeholders"}


async def test_votes_that_are_missing_are_asked_for_again_alone() -> None:
    broken = Broken("pre-mortem", "stakeholders", node="vote")
    d = Deliberation(Voice(fail=broken))
    with pytest.raises(DeliberationFailed) as caught:
        await d.drive()
    assert caught.value.node == "tally"
    broken.mend()
    await d.drive(None)
    assert asked(d, "vote") == [*BOARD, "pre-mortem", "stakeholders"]
    assert d.room.ended
    assert len(d.room.table("recommendation")) == 3


async def test_the_memo_is_told_who_was_not_heard() -> None:
    d = Deliberation(Voice(fail=Broken("pre-mortem", node="vote")))
    await d.drive()
    assert "(1 on this board could not be heard)" in d.voice.asked("synthesis")[0].prompt


async def test_what_no_retry_can_help_is_not_called_recoverable() -> None:
    refusal = outage("refused", Condition.REFUSED)
    d = Deliberation(Voice(fail=Broken("pre-mortem", "stakeholders", error=refusal)))
    with pytest.raises(DeliberationFailed) as caught:
        await d.drive()
    assert caught.value.recoverable is False


@pytest.mark.parametrize("condition", [Condition.BUDGET, Condition.STORAGE])
async def test_a_cause_that_stops_everybody_stops_the_round_though_enough_have_spoken(condition: Condition) -> None:
    broken = Broken("pre-mortem", round_=1, error=outage("stopped", condition))
    d = Deliberation(Voice(fail=broken))
    with pytest.raises(DeliberationFailed) as caught:
        await d.drive()
    assert (caught.value.code, caught.value.recoverable) == ("stopped", True)
    broken.mend()
    await d.drive(None)
    assert asked(d, "persona", 1) == [*BOARD, "pre-mortem"]
    assert len(d.room.table("contribution", round=1)) == 3


@pytest.mark.parametrize("node", ["frame", "decompose", "select", "assess", "synthesis", "plan"])
async def test_a_failed_facilitator_fails_the_step_and_a_retry_repeats_only_that(node: str) -> None:
    d = Deliberation(Voice(fail=lambda request: outage() if request.node == node else None))
    with pytest.raises(DeliberationFailed) as caught:
        await d.drive()
    assert (caught.value.code, caught.value.node, caught.value.recoverable) == ("overloaded", node, True)
    before = len(d.voice.requests)
    d.voice.fail = lambda request: None
    await d.drive(None)
    assert d.room.ended
    assert d.voice.requests[before].node == node
    if node != "assess":  # a debate that broke begins anew at its place
        assert d.voice.requests[before].task_id == d.voice.requests[before - 1].task_id, "the journal knows the step"


async def test_other_parts_are_finished_when_one_breaks_and_a_retry_completes_only_what_is_missing() -> None:
    broken = Broken("pre-mortem", "stakeholders", round_=2)
    d = Deliberation(Voice(parts=3, complexity=8, fail=lambda r: broken(r) if "aspect1" in r.prompt else None))
    with pytest.raises(DeliberationFailed) as caught:
        await d.drive()
    assert caught.value.message.startswith("Part 2 of 3, Part 1: 1 of 3 on the board could be heard")
    assert caught.value.message.endswith("2 of the 3 parts are settled and are not debated again.")
    assert {event["sub_problem"] for event in d.room.of("part_settled")} == {0, 2}
    [told] = d.room.of("part_broken")
    assert (told["sub_problem"], told["node"], told["recoverable"]) == (1, "assess", True)
    before = len(d.voice.requests)
    broken.mend()
    await d.drive(None)
    assert d.room.ended
    again = d.voice.requests[before:]
    assert all("aspect1" in r.prompt for r in again if r.node in ("persona", "assess", "vote"))
    assert [r.persona for r in again[:2]] == ["pre-mortem", "stakeholders"]
    spoken = [(r.persona, part_and_round(r)) for r in d.voice.asked("persona")]
    assert [turn for turn in spoken if spoken.count(turn) > 1] == [
        turn for turn in spoken if turn[0] in ("pre-mortem", "stakeholders") and turn[1] == ("1", "2")
    ], "only those who failed are asked twice"
    assert not d.room.of("item_rejected")


async def test_a_part_that_needs_a_broken_one_waits_for_its_retry() -> None:
    broken = Broken("pre-mortem", "stakeholders", round_=1)
    d = Deliberation(
        Voice(parts=3, complexity=8, needs={1: [1]}, fail=lambda r: broken(r) if "aspect0" in r.prompt else None)
    )
    with pytest.raises(DeliberationFailed):
        await d.drive()
    assert {event["sub_problem"] for event in d.room.of("part_settled")} == {2}
    assert not any("aspect1" in r.prompt for r in d.voice.asked("persona"))
    broken.mend()
    await d.drive(None)
    assert d.room.ended
    assert {event["sub_problem"] for event in d.room.of("part_settled")} == {0, 1, 2}


async def test_two_broken_parts_are_both_mended_by_one_retry() -> None:
    broken = Broken("pre-mortem", "stakeholders", node="vote")
    d = Deliberation(Voice(parts=2, fail=broken))
    with pytest.raises(DeliberationFailed):
        await d.drive()
    assert {event["sub_problem"] for event in d.room.of("part_broken")} == {0, 1}
    broken.mend()
    await d.drive(None)
    assert d.room.ended
    assert asked(d, "vote").count("cost-benefit") == 2


async def test_a_spent_budget_stops_at_once_what_could_still_be_begun() -> None:
    spent = outage("budget_exhausted", Condition.BUDGET)
    broken = Broken("pre-mortem", round_=1, error=spent)
    d = Deliberation(
        Voice(parts=3, complexity=8, needs={2: [1]}, fail=lambda r: broken(r) if "aspect1" in r.prompt else None)
    )
    with pytest.raises(DeliberationFailed) as caught:
        await d.drive()
    assert (caught.value.code, caught.value.recoverable) == ("budget_exhausted", True)
    assert not any("aspect2" in r.prompt for r in d.voice.asked("persona"))


def part_and_round(request: Request[Any]) -> tuple[str, str]:
    return request.prompt.split("aspect")[1][0], request.prompt.split('<round number="')[1][0]


async def test_no_call_is_made_twice_under_one_task() -> None:
    broken = Broken("pre-mortem", "stakeholders", round_=2)
    d = Deliberation(Voice(parts=2, fail=broken))
    with pytest.raises(DeliberationFailed):
        await d.drive()
    broken.mend()
    await d.drive(None)
    keys = [(r.task_id, r.call_no) for r in d.voice.requests]
    assert len(keys) == len(set(keys))
    assert all(task for task, _ in keys)
