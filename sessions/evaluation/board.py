"""The product's own deliberation as a mode: a session brought, started and carried on like any other."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction

from sessions.evaluation import scoring
from sessions.evaluation.answer import Answer, Ballot, Move, failure
from sessions.evaluation.suite import Case, Kind
from sessions.evaluation.votes import majority, plurality
from sessions.graph import options as naming
from sessions.models import Contribution, Event, Memo, Recommendation, Session, Status, Trial
from sessions.runner.foreground import drive_sessions
from sessions.services.control import answer as answer_board
from sessions.services.recovery import CannotResume, resume_session_from_checkpoint
from sessions.services.start import Decision, create, start
from sessions.transitions import IllegalTransition

#: What the owner of an evaluation answers whatever the board asks: a case is all there is.
NO_MORE = "Nothing more is known. Decide on what is given, and say which assumption you make."
#: Times that a board may ask before its trial is given up: it may do so between rounds, and each part by itself.
QUESTIONS = 12


def owner() -> Any:
    """The account that owns the sessions of evaluations, so that they stand in nobody's list. It cannot sign in."""
    model = get_user_model()
    account, made = model.objects.get_or_create(username="evaluation")
    if made:
        account.set_unusable_password()
        account.save(update_fields=["password"])
    return account


def bring(trial: Trial, case: Case, rounds: int | None) -> None:
    """Create the trial's session and put it into line, in one transaction with the trial's link to it."""
    with transaction.atomic():
        locked = Trial.objects.select_for_update().get(pk=trial.pk)
        if Session.objects.filter(pk=locked.session_id).exists():
            return
        decision = Decision(case.task, case.context, list(case.options), list(case.constraints), rounds)
        session = create(owner(), decision)
        start(session, reason="evaluation")
        locked.session_id = trial.session_id = session.pk
        locked.save(update_fields=["session_id"])


def drive(trials: Collection[Trial], *, parallel: int) -> None:
    """Carry the trials' sessions on until each has ended, or rests for a reason that only people can resolve."""
    ids = [trial.session_id for trial in trials]
    for _ in range(QUESTIONS + 1):
        drive_sessions(ids, capacity=parallel)
        waiting = Session.objects.filter(pk__in=ids, status=Status.WAITING)
        if not [_say_no_more(session) for session in waiting]:
            return


def retry(trial: Trial) -> bool:
    """Put a failed session back into line where that can help; say whether it was."""
    try:
        resume_session_from_checkpoint(trial.session_id, actor="evaluation", reason="evaluation continued")
    except (CannotResume, IllegalTransition, Session.DoesNotExist):
        return False
    return True


def read(case: Case, session_id: UUID) -> Answer | None:
    """What the board came to; None while the session has not ended."""
    session = Session.objects.filter(pk=session_id).first()
    if session is None:
        return failure("session_gone", "The session was deleted.", recoverable=False)
    if session.status == Status.FAILED:
        found = session.failure or {}
        return failure(
            str(found.get("code", "failed")),
            str(found.get("message", "The session failed.")),
            recoverable=bool(found.get("recoverable", False)),
        )
    if session.status == Status.KILLED:
        return failure("session_killed", "The session was stopped by hand.", recoverable=False)
    if session.status == Status.WAITING:
        return failure(
            "board_keeps_asking", "The board asked again and again for facts that nobody has.", recoverable=False
        )
    return _result(case, session) if session.status == Status.COMPLETED else None


def _say_no_more(session: Session) -> bool:
    asked = Event.objects.filter(session=session, type="session_waiting").order_by("-sequence").first()
    if asked is None or Event.objects.filter(session=session, type="clarification_answered").count() >= QUESTIONS:
        return False
    answer_board(session, "evaluation", [NO_MORE] * len(asked.data.get("questions", [])))
    return True


def _result(case: Case, session: Session) -> Answer:
    """The memo is the answer; votes and first contributions say how the board came to it."""
    memo = Memo.objects.filter(session=session, superseded=False).order_by("-pk").first()
    if memo is None:
        return failure("no_memo", "The session completed without a memo.", recoverable=False)
    votes = list(Recommendation.objects.filter(session=session, superseded=False).order_by("pk"))
    opening = Contribution.objects.filter(session=session, superseded=False, round=1).order_by("pk")
    first = {(row.sub_problem, row.persona): _word(case, row.option, row.claim) for row in opening}
    ballots = [
        Ballot(who=vote.name, said=_word(case, vote.option, vote.recommendation), confidence=vote.confidence)
        for vote in votes
    ]
    moves = [
        Move(who=vote.name, before=first[vote.sub_problem, vote.persona], after=ballot.said)
        for vote, ballot in zip(votes, ballots, strict=True)
        if first.get((vote.sub_problem, vote.persona), ballot.said) != ballot.said
    ]
    leader = majority(ballots)
    said = (
        scoring.number_of(memo.recommendation) or leader
        if case.kind is Kind.NUMBER
        else naming.recommended(memo.recommendation, case.options, leader)
    )
    return Answer(
        said=said,
        first=plurality(first.values()),
        recommendation=memo.recommendation,
        reasons=[block.strip() for block in memo.rationale.splitlines() if block.strip()],
        conditions=[str(item) for item in memo.conditions],
        against=str(memo.dissent.get("position", "")),
        change="; ".join(str(item) for item in memo.tripwires),
        confidence=memo.confidence,
        ballots=ballots,
        moves=moves,
        offline=memo.offline or any(vote.offline for vote in votes),
    )


def _word(case: Case, option: str, sentence: str) -> str:
    """A number stands in the option where the board made options of its own, else in the sentence."""
    return scoring.said(case, option) or (scoring.said(case, sentence) if case.kind is Kind.NUMBER else "")
