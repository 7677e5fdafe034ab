"""SE2, SE3: both providers go away in round 3, come back, and four sessions go on, each by another way."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.chaos.kit import PROBLEMS, damage, repeated_calls, start_sessions
from tests.live import Board, board, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAYS = ("page", "api", "admin", "fork")
TOKEN = "0123456789abcdef0123456789abcdef01234567"
#: What every prompt of the third round holds, as it stands in the body of a request.
ROUND_3 = json.dumps('<round number="3"').strip('"')
PATIENCE = 60_000
#: The one over which the board is still divided after two rounds.
DIVIDED = PROBLEMS[3]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with board(tmp_path_factory.mktemp("board")) as running:
        running.add_user()
        running.add_user("grace", staff=True)
        running.query("INSERT INTO authtoken_token SELECT %s, now(), id FROM auth_user WHERE username = 'ada'", TOKEN)
        yield running


@dataclass
class Outage:
    """Four sessions that ended in round 3. ``paid``: their finished calls until then, by id of the ledger."""

    product: Board
    sessions: dict[str, str]
    paid: set[int]

    def failed_step(self, way: str) -> dict[str, Any]:
        [(status, failure)] = self.product.query(
            "SELECT status, failure FROM board_session WHERE id = %s", self.sessions[way]
        )
        assert status == "failed"
        return dict(failure)

    def until_completed(self, way: str) -> None:
        status = "SELECT status FROM board_session WHERE id = %s"
        wait_until(
            lambda: self.product.query(status, self.sessions[way]) == [("completed",)], seconds=120, what="completion"
        )

    def finished_calls(self, way: str) -> tuple["Counter[tuple[str, str]]", "Counter[tuple[str, str]]"]:
        """Finished calls by node and persona: those from before the outage, and those from after it."""
        rows = self.product.query(
            "SELECT id, node, persona FROM llm_llmcall WHERE session_id = %s AND status = 'finished'",
            self.sessions[way],
        )
        before = Counter((node, persona) for id_, node, persona in rows if id_ in self.paid)
        return before, Counter((node, persona) for id_, node, persona in rows if id_ not in self.paid)

    def said(self, way: str, which: str) -> "Counter[tuple[str, str]]":
        """What stands on the live branch and takes one call each, by node and persona: turns and assessments."""
        rows = self.product.query(
            "SELECT 'persona', persona FROM board_contribution"
            f" WHERE session_id = %s AND NOT superseded AND {which} UNION ALL SELECT 'assess', ''"
            f" FROM board_assessment WHERE session_id = %s AND NOT superseded AND {which}",
            self.sessions[way],
            self.sessions[way],
        )
        return Counter(rows)  # type: ignore[arg-type]

    def assert_nothing_was_paid_twice(self, way: str) -> None:
        """Every turn and assessment of the memo's debate has one paid call: up to round 2 from before, then anew."""
        before, after = self.finished_calls(way)
        debate = {"persona", "assess"}
        assert Counter({key: n for key, n in before.items() if key[0] in debate}) == self.said(way, "round < 3")
        assert Counter({key: n for key, n in after.items() if key[0] in debate}) == self.said(way, "round >= 3")
        assert max((before + after).values()) < 5, "and nobody was asked over and over"
        again = {node for node, _ in before} & {node for node, _ in after}
        assert again <= debate, f"asked again: {again}"
        [(answers, prompts)] = self.product.query(
            "SELECT count(*), count(DISTINCT prompt_digest) FROM llm_answer WHERE session_id = %s", self.sessions[way]
        )
        assert answers == prompts == (before + after).total()


@pytest.fixture(scope="module")
def outage(product: Board) -> Outage:
    """Both providers fail whatever is asked of round 3, until every session has failed of it; then both are well again.

    Their breakers are open by then, and stay so until a probe or, as here, staff closes them.
    """
    product.fault(provider="anthropic", kind="status", status=529, match=ROUND_3)
    product.fault(provider="openai", kind="disconnect", match=ROUND_3)
    sessions = dict(zip(WAYS, start_sessions(product, len(WAYS), rounds=3, problem=DIVIDED), strict=True))
    failed = "SELECT count(*) FROM board_session WHERE status = 'failed'"
    wait_until(lambda: product.query(failed) == [(len(WAYS),)], seconds=180, what="every session to have failed")
    assert dict(product.query("SELECT provider, phase FROM llm_breaker")) == {"anthropic": "open", "openai": "open"}
    product.clear_faults()
    paid = {row[0] for row in product.query("SELECT id FROM llm_llmcall WHERE status = 'finished'")}
    return Outage(product, sessions, paid)


@pytest.fixture
def mended(outage: Outage, open_page: Callable[..., Page]) -> Outage:
    """Staff has closed both breakers at their page, as the runbook says."""
    for provider in ("Anthropic", "OpenAI"):
        if outage.product.query(
            "SELECT 1 FROM llm_breaker WHERE provider = %s AND phase <> 'closed'", provider.lower()
        ):
            desk = open_page("grace")
            desk.goto(f"{outage.product.url}/admin/llm/breaker/")
            desk.get_by_role("link", name=provider, exact=True).click()
            desk.get_by_role("link", name="Reset").click()
            desk.get_by_label("Reason").fill("Their status page says that it is over")
            desk.get_by_role("button", name="Reset").click()
            desk.wait_for_url("**/change/")
    assert {phase for (phase,) in outage.product.query("SELECT phase FROM llm_breaker")} == {"closed"}
    return outage


def test_the_owner_is_told_what_is_kept_and_continues_with_one_button(
    mended: Outage, open_page: Callable[..., Page]
) -> None:
    failure = mended.failed_step("page")
    assert failure["recoverable"] is True
    assert failure["code"] in ("providers_failed", "circuit_open", "provider_overloaded", "provider_unreachable")
    page = open_page()
    page.goto(f"{mended.product.url}/sessions/{mended.sessions['page']}/")
    expect(page.locator("#trouble")).to_contain_text("rounds 1 to 2")
    page.get_by_role("button", name="Continue from round 3").click()
    expect(page.locator(".notice.success")).to_contain_text("What was paid is not paid again.")
    expect(page.locator("#memo")).to_be_visible(timeout=PATIENCE)
    mended.until_completed("page")
    mended.assert_nothing_was_paid_twice("page")
    assert damage(mended.product) == []


def test_a_program_retries_over_the_api(mended: Outage, open_page: Callable[..., Page]) -> None:
    assert mended.failed_step("api")["recoverable"] is True
    page = open_page(user="")
    answer = page.request.post(
        f"{mended.product.url}/api/v1/sessions/{mended.sessions['api']}/retry",
        headers={"Authorization": f"Token {TOKEN}"},
        data={"reason": "the providers are back"},
    )
    assert answer.status == 202, answer.text()
    assert answer.json()["status"] in ("queued", "running")
    mended.until_completed("api")
    mended.assert_nothing_was_paid_twice("api")
    assert repeated_calls(mended.product) == []


def test_staff_retries_in_the_admin_with_a_reason_that_is_kept(mended: Outage, open_page: Callable[..., Page]) -> None:
    mended.failed_step("admin")
    desk = open_page("grace")
    desk.goto(f"{mended.product.url}/admin/board/session/{mended.sessions['admin']}/change/")
    desk.get_by_role("link", name="Retry …", exact=True).click()
    expect(desk.locator(".consequences")).to_contain_text("What was paid is not paid again.")
    desk.get_by_label("Reason").fill("Both providers are back")
    desk.get_by_role("button", name="Retry").click()
    expect(desk.locator(".messagelist .success")).to_contain_text("was retried")
    mended.until_completed("admin")
    mended.assert_nothing_was_paid_twice("admin")
    desk.reload()
    expect(desk.locator("table").filter(has_text="Both providers are back")).to_contain_text("grace")


def test_the_owner_goes_back_to_round_1_and_the_branch_that_was_left_stays_readable(
    mended: Outage, open_page: Callable[..., Page]
) -> None:
    mended.failed_step("fork")
    session = mended.sessions["fork"]
    product = mended.product
    claims = "SELECT id, claim, round FROM board_contribution WHERE session_id = %s AND "
    first = product.query(claims + "NOT superseded ORDER BY id", session)
    assert {number for _, _, number in first} == {1, 2}
    page = open_page()
    page.goto(f"{product.url}/sessions/{session}/")
    page.get_by_text("Go back to an earlier round instead").click()
    page.get_by_label("after round 1").check()
    page.get_by_role("button", name="Go back and debate from there").click()
    expect(page.locator(".notice.success")).to_contain_text("What was said later is kept beside it.")
    mended.until_completed("fork")

    left = product.query(claims + "superseded ORDER BY id", session)
    assert left == [row for row in first if row[2] == 2]
    before, after = mended.finished_calls("fork")
    assert before["assess", ""] == 2
    # The second round of the new branch asks what the first one asked, and takes those answers: nothing is paid again.
    asked = Counter({key: n for key, n in after.items() if key[0] in ("persona", "assess")})
    assert asked == mended.said("fork", "round >= 3")
    assert damage(product) == []

    page.reload()
    expect(page.locator("#memo")).to_be_visible(timeout=PATIENCE)
    for id_, _, _ in left:
        expect(page.locator(f"#c-{id_}")).to_have_count(0)
    page.get_by_role("link", name="Read what it said before").click()
    for id_, claim, _ in left:
        expect(page.locator(f"#c-{id_}")).to_contain_text(claim)
    expect(page.locator(".card")).to_have_count(len(left))
    page.get_by_role("link", name="the debate that counts").click()
    expect(page.locator("#memo")).to_be_visible()
