"""Everything a person with a decision does, in one walk through every real part: bring it with a document, change what
the board understood, interject, read who changed their mind and who dissents, record what was decided and what came.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import looked_at
from tests.live import Board, board

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DECISION = """
Our regional theatre has 412 seats, a company of nineteen and a roof that will not survive another winter. The city has
offered to pay two thirds of a new roof, 1.9 million in all, if we close for one full season from September and stay a
house with its own company for at least ten years afterwards. The last third is ours to find. Our reserves are 340,000;
a friend of the house would lend 250,000 without interest, but wants a seat on the board of trustees.

Closing costs us the season tickets: 2,300 subscribers bring 38 per cent of our income, and when the neighbouring house
closed for a year, a third of its subscribers never returned. We could play in the old tram depot, which holds 180 and
has no heating, or tour the schools of the county with two small productions, for which the county has hinted at money
but promised none. Seven of the nineteen have contracts that end next summer, and four of those have told the director
that they would not wait for a year.

The director wants the depot; the bookkeeper wants to patch the roof for 90,000 and ask the city again in two years; the
company wants to know by the end of the month, and so does the city. What should we do, what would have to be true for
it to be right, and what do we tell the subscribers on Monday?
"""
OPTIONS = [
    "Close for a season and play in the tram depot",
    "Patch the roof and ask again in two years",
    "Close and tour",
]
CONSTRAINTS = ["The answer is due by the end of the month", "No one is dismissed before next summer"]


QUESTION = "What should the theatre do about its roof, and about the season?"
THIRD_WAY = "Borrow the last third and close only from January"
#: Of none of the options: whenever the board hears it, everybody stands where they would have stood.
REMARK = "The bank has just confirmed its loan of 250,000 by letter."
OFFER = {
    "name": "offer-of-the-city.md",
    "mimeType": "text/markdown",
    "buffer": b"# Offer\n\nTwo thirds of 1.9 million, paid when the roof is closed.\n",
}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """As somebody with keys runs it: real models' names and prices, which the offline provider answers. So its memo
    counts for the track record, as no memo of the offline demo would."""
    with board(tmp_path_factory.mktemp("board"), latency="0.1-0.4", web=False, worker=False) as running:
        for name, path in (("ANTHROPIC", "anthropic"), ("OPENAI", "openai/v1")):
            running.env |= {f"{name}_API_KEY": "a-key", f"{name}_BASE_URL": f"{running.offline_url}/{path}"}
        running.start_web()
        running.start_worker()
        running.add_user()
        yield running


def test_a_person_brings_a_decision_shapes_the_board_argues_with_it_and_judges_it_later(
    open_page: Callable[..., Page], product: Board
) -> None:
    assert len(DECISION.split()) >= 150
    product.add_user("grace")  # who has brought nothing yet
    page = open_page("grace")
    page.get_by_role("link", name="Bring your first decision").click()
    page.get_by_label("What do you have to decide?").fill(DECISION)
    page.get_by_label("Options you see").fill("\n".join(OPTIONS))
    page.get_by_label("What cannot be changed").fill("\n".join(CONSTRAINTS))
    page.get_by_label("Documents").set_input_files([OFFER])
    page.get_by_label("Rounds of debate").fill("3")
    page.get_by_label("Show me the question and the board").check()
    page.get_by_role("button", name="Bring it to the board").click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))

    refused = _change_the_frame(page)
    page.evaluate("window.neverReloaded = true")
    _argue_with_the_board(page)
    _read_what_it_came_to(page, refused, product)
    _judge_it_later(page, product)


def _change_the_frame(page: Page) -> str:
    """Refuse an expert, ask for another, name another option, ask another question; returns who was refused."""
    expect(page.get_by_role("heading", name="This is how the board understands it")).to_be_visible(timeout=60_000)
    looked_at(page, "frame")
    seat = page.locator(".review-seats li").first
    refused = seat.locator("strong").inner_text()
    slug = seat.locator("input[type=checkbox]").get_attribute("value")
    for box in page.locator(f'.review-seats input[value="{slug}"]').all():  # on every part that has them
        box.check()
    # Whose method is to attack does not join the favourite: somebody will dissent.
    page.get_by_label("Ask somebody onto it").first.select_option("red-team")
    options = page.get_by_label("The options")
    options.fill(f"{options.input_value()}\n{THIRD_WAY}")
    page.get_by_label("The question").fill(QUESTION)
    page.get_by_role("button", name="Yes, begin the debate").click()
    expect(page.get_by_text("The board begins.")).to_be_visible()
    return refused


def _argue_with_the_board(page: Page) -> None:
    """Watch cards arrive, say something, and be answered."""
    expect(page.locator("#connection")).to_have_text("live", timeout=30_000)
    expect(page.locator(".card").first).to_be_visible(timeout=60_000)
    brief = page.locator("details.brief").first
    assert not brief.evaluate("fold => fold.open"), "what was brought makes room for what is said about it"
    early = page.locator(".card").count()
    expect(page.locator("#board")).to_contain_text(re.compile("Thinking|Spoke in round"))
    expect(page.locator("#announcer")).to_contain_text(":")
    page.get_by_label("Throw in a remark").fill(REMARK)
    page.get_by_role("button", name="Send to the board").click()
    expect(page.locator(".aside.remark")).to_contain_text(REMARK)
    looked_at(page, "debate")
    expect(page.locator(".card").nth(early)).to_be_visible(timeout=60_000)
    answered = page.locator(".card .reasons", has_text=REMARK.rstrip("."))
    expect(answered.first).to_be_attached(timeout=90_000)


def _read_what_it_came_to(page: Page, refused: str, product: Board) -> None:
    """Who sat there, who changed their mind, who dissents and in which words, and what each statement rests on."""
    memo = page.locator("#memo")
    expect(memo).to_be_visible(timeout=120_000)
    expect(page.locator("#connection")).to_have_text("ended, nothing more to come", timeout=30_000)
    expect(page.locator(".badge").first).to_have_text("Completed")
    page.reload()
    expect(page.locator(".question").first).to_have_text(QUESTION)
    assert refused not in page.locator("#board").inner_text()
    expect(page.locator("#board")).to_contain_text("red team attack")
    assert THIRD_WAY in page.locator("#debate").inner_html()
    for fold in page.locator("details.part").all():
        fold.evaluate("fold => { fold.open = true }")
    looked_at(page, "votes")
    pk = page.url.split("/")[4]
    changed = (
        "SELECT v.name FROM board_recommendation v JOIN board_contribution c USING (session_id, sub_problem, persona)"
    )
    changed += " WHERE v.session_id = %s AND c.round = 1 AND c.option <> v.option ORDER BY v.sub_problem, v.persona"
    assert page.locator(".flips strong").all_inner_texts() == [name for (name,) in product.query(changed, pk)]
    assert "By confidence" in page.locator(".count-up").first.inner_text()

    answer = memo.locator(".answer").inner_text()
    page.get_by_role("link", name="Read the whole memo").click()
    sheet = page.get_by_role("article")
    expect(sheet).to_contain_text(answer)
    for part in ("Why", "The strongest dissent", "The options side by side", "What to do"):
        expect(sheet.get_by_role("heading", name=part, exact=True)).to_be_visible()
    sheet.get_by_text("What each statement rests on").click()
    assert sheet.locator(".rests a").count() > 0
    looked_at(page, "memo")
    [(dissenter, quote)] = product.query(
        "SELECT dissent->>'persona', dissent->>'quote' FROM board_memo WHERE session_id = %s", pk
    )
    assert dissenter, "somebody dissents, whoever it is"
    against = "SELECT DISTINCT name FROM board_recommendation WHERE session_id = %s"
    assert (dissenter,) in product.query(against, pk)
    expect(sheet.locator(".dissent")).to_contain_text(dissenter)
    expect(sheet.locator(".dissent blockquote")).to_contain_text(quote)
    sheet.get_by_role("link", name="Read it in the debate").click()
    said = page.locator(f"[id='{page.url.split('#')[1]}']")
    expect(said).to_be_visible()
    expect(said).to_contain_text(dissenter)
    assert quote.strip(" .") in said.inner_html().replace("&amp;", "&")
    page.go_back()


def _judge_it_later(page: Page, product: Board) -> None:
    """Record what was decided and what came of it, and find it in the track record."""
    page.get_by_role("link", name="Record what you decided").click()
    page.get_by_label("What you decided").fill("We close and tour, with the county's money in writing.")
    page.get_by_label("Compared with the recommendation").select_option("partly")
    page.get_by_role("button", name="Record the decision").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your decision is recorded.")
    page.get_by_label("In hindsight").select_option("right")
    page.get_by_label("What happened").fill("Two thirds of the subscribers came back.")
    page.get_by_label("Judged on").fill(f"{date.today():%Y-%m-%d}")
    page.get_by_role("button", name="Record the outcome").click()
    expect(page.get_by_role("status")).to_contain_text("The outcome is recorded.")
    looked_at(page, "outcome")
    page.get_by_role("link", name="See how sure the board was").click()
    expect(page.get_by_role("heading", name="Track record")).to_be_visible()
    expect(page.get_by_role("img", name="Reliability plot")).to_be_visible()
    expect(page.locator(".reliability circle.dot")).to_have_count(1)
    expect(page.get_by_text("too few for a score")).to_be_visible()
    looked_at(page, "track-record")
    page.locator(".rows h3 a").first.click()
    expect(page.get_by_text("Two thirds of the subscribers came back.")).to_be_visible()
    page.goto(product.url)
    expect(page.locator(".row").first).to_contain_text("Completed")


def test_the_whole_path_works_without_javascript(open_page: Callable[..., Page], board_url: str) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(board_url + "/new/")
    page.get_by_role("link", name="Load an example").click()
    page.get_by_label("Rounds of debate").fill("1")
    page.get_by_role("button", name="Bring it to the board").click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))
    # Nothing but the page's own reloading brings the answer.
    expect(page.locator("#memo")).to_be_visible(timeout=120_000)
    expect(page.locator("#memo")).to_contain_text("What to do", timeout=60_000)
    page.get_by_role("link", name="Read the whole memo").click()
    expect(page.get_by_role("article")).to_contain_text("The strongest dissent")
