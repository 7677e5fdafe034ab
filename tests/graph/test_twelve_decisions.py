"""Twelve very different decisions, debated by the whole product with the offline provider: each about *its* problem.

With ``REPORTS=folder`` in the environment the reports are left there to be read.
"""

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sessions import export
from sessions.models import Contribution, Event, Memo, Recommendation, Session, Status
from sessions.runner.foreground import drive_all
from sessions.services import start
from tests.llm.conftest import Offline
from tests.offline.decisions import DECISIONS as SIX
from tests.offline.decisions import Decision

DECISIONS = SIX | {
    "supplier": Decision(
        "Our only supplier of ceramic filters in Faenza raises its price by 18 % from July. A second one in Porto is "
        "6 % cheaper than today but has failed one of three trial batches. Should we stay, switch, or split the "
        "40,000 filters a year between both?",
        constraints=("No filter may reach a hospital untested",),
        words=("Faenza", "Porto", "18 %", "40,000", "trial batches"),
    ),
    "acquisition": Decision(
        "A competitor offers 4.2 million euros for our map software company, all in cash, valid until 30 November. We"
        " are eleven people, grow by 20 % a year and owe the bank 600,000 euros. My co-founder Jonas wants to sell; I"
        " would rather raise money and go on.",
        words=("Jonas", "4.2 million", "30 November", "600,000", "bank"),
    ),
    "ward": Decision(
        "Should the district hospital in Aldermoor close its maternity ward, which had 310 births last year and needs"
        " four midwives it cannot find, keep it open with locums at £410,000 a year, or turn it into a midwife-led "
        "unit?",
        constraints=("The next ward is 38 miles away", "The regulator reports in September"),
        words=("Aldermoor", "midwives", "310", "locums", "38 miles"),
    ),
    "farm": Decision(
        "We run 120 hectares of barley and sugar beet near Kiel and think about going organic. The conversion takes "
        "two years in which yields drop by about a third while prices stay conventional. The dairy next door would "
        "take clover; our tractor loan of €95,000 runs until 2029.",
        options=("Convert the whole farm", "Convert 40 hectares first", "Stay conventional"),
        words=("barley", "clover", "Kiel", "€95,000", "hectares"),
    ),
    "disclosure": Decision(
        "A researcher reported on Tuesday that our booking site leaked the e-mail addresses of 23,000 guests for six "
        "days. The hole is closed. Do we tell all guests now, only the data protection authority within 72 hours, or "
        "wait for the forensic report on Friday?",
        words=("23,000 guests", "researcher", "72 hours", "forensic report", "Friday"),
    ),
    "choir": Decision(
        "Our amateur choir of 46 can sing the Brahms requiem in May with a hired orchestra for 9,800 euros, of which "
        "we have 4,000, or a cappella works by Schütz at no cost. A third of the altos say they will leave if it is "
        "Schütz again.",
        words=("Brahms", "Schütz", "altos", "9,800", "orchestra"),
    ),
}
_HOLES = re.compile(r"\{\w+\}|\$\w+\b(?<!\$\d)|TODO|lorem|placeholder|\bundefined\b|\[[cv]\d+", re.IGNORECASE)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_each_report_is_about_its_own_decision(offline: Offline, make_session: Callable[..., Session]) -> None:
    assert len(DECISIONS) == 12
    sessions = {}
    for name, given in DECISIONS.items():
        session = make_session(
            problem=given.text, context=given.context, options=list(given.options), constraints=list(given.constraints)
        )
        sessions[name] = start.start(session)
    drive_all()
    texts = {}
    for name, session in sessions.items():
        session.refresh_from_db()
        assert session.status == Status.COMPLETED, (name, session.failure)
        texts[name] = export.markdown(session)
        if folder := os.environ.get("REPORTS"):
            (Path(folder) / f"{name}.md").write_text(texts[name])
    for name, session in sessions.items():
        assert not Event.objects.filter(session=session, type="item_rejected").exists()
        memo = Memo.objects.get(session=session)
        votes = list(Recommendation.objects.filter(session=session))
        said = list(Contribution.objects.filter(session=session))
        spoken = [" ".join([row.claim, *row.reasons, *row.conditions]) for row in said]
        voted = [" ".join([vote.recommendation, *vote.reasons, *vote.conditions]) for vote in votes]
        argued = " ".join([memo.rationale, *memo.conditions, *spoken, *voted]).lower()
        own = [word for word in DECISIONS[name].words if word.lower() in argued]
        assert len(own) >= min(2, len(DECISIONS[name].words)), (name, own)
        for text in [memo.rationale, *memo.conditions, *(row.claim for row in said)]:
            assert not _HOLES.search(text), (name, text)
        assert not re.search(r"\bParticipant [A-Z]\b", texts[name]), (name, "letters mean nothing to an owner")
        told = Counter(reason for row in said for reason in set(row.reasons))
        assert sum(count > 1 for count in told.values()) <= 0.06 * len(told), (name, told.most_common(3))
        claims = [row.claim for row in said if row.round == 1]
        assert len(set(claims)) > 0.8 * len(claims), (name, "the experts say different things")
        others = {vote.name for vote in votes if vote.option != _chosen(memo, votes)}
        if memo.dissent["persona"]:
            assert memo.dissent["persona"] in others, (name, memo.dissent)
            held = [vote for vote in votes if vote.name == memo.dissent["persona"]]
            words = " ".join(" ".join([vote.recommendation, *vote.reasons, *vote.conditions]) for vote in held)
            assert memo.dissent["quote"].strip(".") in words, (name, memo.dissent)
        keys = {row.key for row in said} | {vote.key for vote in votes}
        assert memo.sources, name
        assert all(set(source["keys"]) <= keys for source in memo.sources)
        assert any(source["field"] == "recommendation" for source in memo.sources), name
        # Everybody's first answer is in the record beside the last.
        spoke = {(row.sub_problem, row.persona) for row in said if row.round == 1}
        assert {(vote.sub_problem, vote.persona) for vote in votes} <= spoke


def _chosen(memo: Memo, votes: list[Recommendation]) -> str:
    from sessions.graph import aggregation
    from sessions.graph.options import recommended

    counted = aggregation.tally(aggregation.ballots([vars(vote) for vote in votes]))
    return recommended(memo.recommendation, [option.option for option in counted.options], counted.leader)
