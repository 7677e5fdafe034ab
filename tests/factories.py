"""Sessions in every state, as rows and events, without running anything: for tests of what is shown."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone

from llm.models import LLMCall
from sessions import events
from sessions.example import EXAMPLE
from sessions.models import (
    ActionProposal,
    Assessment,
    Checkpoint,
    Contribution,
    Memo,
    Recommendation,
    Seat,
    Session,
    Status,
    SubProblem,
)
from sessions.services.start import Decision, create
from tests.bakery import ACTIONS, MEMO, OPTIONS, PEOPLE, READINGS, SAID, TITLE


def draft(owner: Any, decision: Decision = EXAMPLE) -> Session:
    return create(owner, decision)


def queued(owner: Any) -> Session:
    session = draft(owner)
    return _set(session, status=Status.QUEUED, queued_at=timezone.now() - timedelta(seconds=20))


def running(owner: Any, *, rounds: int = 1, heard: int = 2) -> Session:
    """Debating: ``rounds`` whole rounds, and ``heard`` contributions in the one after them."""
    session = _seated(owner, cost_cap=Decimal("2.50"))
    for number in range(1, rounds + 1):
        _round(session, number)
    if heard:
        _round(session, rounds + 1, heard=heard)
    _ledger(session, calls=4 + 5 * rounds + heard)
    return _set(session, status=Status.RUNNING, phase="debating", round=rounds + bool(heard))


def waiting(owner: Any) -> Session:
    session = draft(owner)
    questions = ["What does the shop's lease cost today, and what would it cost after the rise?"]
    events.append(session.pk, [events.Draft("session_waiting", {"questions": questions, "interrupt_id": "i1"})])
    return _set(session, status=Status.WAITING, phase="framing", queued_at=timezone.now(), started_at=timezone.now())


def paused(owner: Any) -> Session:
    session = running(owner, heard=0)
    events.append(session.pk, [events.Draft("session_paused", {"reason": "Paused by ada"})])
    return _set(session, status=Status.PAUSED)


def failed(owner: Any, *, recoverable: bool = True) -> Session:
    session = running(owner, rounds=1, heard=2)
    failure = {
        "code": "provider_unreachable" if recoverable else "context_too_long",
        "message": "Neither language model could be reached for three minutes"
        if recoverable
        else "Even without the background the texts do not fit into the language model",
        "recoverable": recoverable,
        "node": "persona",
        "attempt": 1,
    }
    events.append(session.pk, [events.Draft("session_failed", failure)])
    return _set(session, status=Status.FAILED, failure=failure, finished_at=timezone.now())


def killed(owner: Any) -> Session:
    session = running(owner, rounds=1, heard=0)
    events.append(session.pk, [events.Draft("session_killed", {"reason": "The chain has withdrawn its offer"})])
    return _set(session, status=Status.KILLED, finished_at=timezone.now())


def finished(owner: Any, *, offline: bool = False) -> Session:
    session = _seated(owner, cost_cap=Decimal("2.50"))
    _round(session, 1, offline=offline)
    events.append(
        session.pk,
        [
            events.Draft(
                "interjection", {"text": "The café chain hinted that 30 days might be possible.", "author": "ada"}
            ),
            events.Draft("session_resumed", {"reason": "its worker went away", "worker": "w2", "fence": 2}),
        ],
    )
    _round(session, 2, offline=offline)
    _votes(session, offline)
    _memo(session, offline)
    _ledger(session, calls=21, failures=2)
    events.append(session.pk, [events.Draft("session_completed", {"recommendation": "…", "confidence": 0.76})])
    return _set(session, status=Status.COMPLETED, phase="done", round=2, finished_at=timezone.now())


def say(session: Session, number: int, person: int, **changes: Any) -> Contribution:
    """One contribution as row and event, in one transaction as the engine does it."""
    persona, name, _, _ = PEOPLE[person]
    option, claim, reasons, conditions, response, confidence = SAID[(number - 1) % len(SAID)][person]
    values = {
        "option": OPTIONS[option],
        "claim": claim,
        "reasons": reasons,
        "conditions": conditions,
        "response": response,
        "confidence": confidence,
        "offline": False,
    } | changes
    key = f"contribution:0:{number}:{persona}"
    row = Contribution.objects.create(
        session=session, key=key, sub_problem=0, round=number, persona=persona, name=name, **values
    )
    data = {"key": key, "sub_problem": 0, "round": number, "persona": persona, "name": name, **values}
    events.append(session.pk, [events.Draft("contribution", data, key)])
    return row


def open_round(session: Session, number: int, guidance: str = "") -> None:
    data = {"sub_problem": 0, "round": number, "of": session.max_rounds, "guidance": guidance}
    events.append(session.pk, [events.Draft("round_started", data, f"round:0:{number}")])


def step_after_round(session: Session, number: int) -> Checkpoint:
    """The checkpoint at which a round had just been assessed, as far as lists show it: it cannot be gone on from."""
    assessed = session.assessments.get(round=number)
    assessed.checkpoint_id = f"1f0-{number}"
    assessed.save()
    return Checkpoint.objects.create(
        thread_id=str(session.pk),
        checkpoint_ns="debate:1",
        checkpoint_id=f"1f0-{number}-after",
        parent_checkpoint_id=assessed.checkpoint_id,
        source="loop",
        step=number,
        body={},
    )


def leave(session: Session, fence: int, **which: Any) -> None:
    """Mark contributions and assessments superseded, as a retry from an older step under this fence does."""
    renamed = Concat(F("key"), Value(f"~{fence}"))
    for rows in (session.contributions, session.assessments):
        rows.filter(superseded=False, **which).update(superseded=True, key=renamed)
    events.append(session.pk, [events.Draft("session_queued", {"reason": "retried", "from_checkpoint": "1f0"})])


def _set(session: Session, **fields: Any) -> Session:
    Session.objects.filter(pk=session.pk).update(**fields)
    session.refresh_from_db()
    return session


def _seated(owner: Any, *, cost_cap: Decimal | None = None) -> Session:
    session = create(owner, Decision(EXAMPLE.problem, EXAMPLE.context, OPTIONS, EXAMPLE.constraints, 4, cost_cap))
    begun = timezone.now() - timedelta(minutes=4, seconds=12)
    question = "Which answer to the café chain leaves the bakery stronger in two years, and able to change its mind?"
    criteria = ["Cash never below three months of fixed cost", "The bread and its baker stay", "The step can be undone"]
    frame = {
        "title": TITLE,
        "question": question,
        "complexity": 6,
        "options": OPTIONS,
        "criteria": criteria,
        "max_rounds": 4,
    }
    events.append(
        session.pk,
        [
            events.Draft("session_queued", {"reason": "started"}),
            events.Draft("session_started", {"worker": "w1", "fence": 1}),
            events.Draft("phase_started", {"phase": "framing"}),
            events.Draft("frame_ready", frame),
            events.Draft("decomposed", {"sub_problems": [{"position": 0, "title": TITLE, "question": question}]}),
            events.Draft("phase_started", {"phase": "debating", "sub_problem": 0}),
        ],
    )
    SubProblem.objects.create(session=session, key="sub:0", position=0, title=TITLE, question=question)
    Seat.objects.bulk_create(
        Seat(session=session, key=f"seat:0:{slug}", position=index, persona=slug, name=name, method=method, reason=why)
        for index, (slug, name, method, why) in enumerate(PEOPLE)
    )
    return _set(session, title=TITLE, created_at=begun, queued_at=begun, started_at=begun)


def _round(session: Session, number: int, *, heard: int = len(PEOPLE), offline: bool = False) -> None:
    open_round(session, number, READINGS[number - 2][7] if number > 1 else "")
    for person in range(heard):
        say(session, number, person, offline=offline)
    if heard == len(PEOPLE):
        summary, convergence, novelty, conflict, questions, decision, reason, guidance = READINGS[number - 1]
        Assessment.objects.create(
            session=session,
            key=f"assessment:0:{number}",
            round=number,
            summary=summary,
            convergence=convergence,
            novelty=novelty,
            conflict=conflict,
            open_questions=questions,
            decision=decision,
            reason=reason,
            guidance=guidance,
        )


def _votes(session: Session, offline: bool) -> None:
    for index, (slug, name, _, _) in enumerate(PEOPLE):
        option, claim, reasons, conditions, _, confidence = SAID[1][index]
        Recommendation.objects.create(
            session=session,
            key=f"vote:0:{slug}",
            persona=slug,
            name=name,
            option=OPTIONS[option],
            recommendation=claim,
            confidence=confidence,
            reasons=reasons,
            conditions=conditions,
            would_change_my_mind="Two weeks of measured nights that show more spare capacity than 500 pieces.",
            offline=offline,
        )


def _memo(session: Session, offline: bool) -> None:
    Memo.objects.create(session=session, key="memo", offline=offline, **MEMO)
    for position, (title, what, who, days, priority, success, kill) in enumerate(ACTIONS):
        ActionProposal.objects.create(
            session=session,
            key=f"action:{position}",
            position=position,
            title=title,
            what=what,
            owner=who,
            due_in_days=days,
            priority=priority,
            success=success,
            kill=kill,
        )


def _ledger(session: Session, *, calls: int, failures: int = 0) -> None:
    LLMCall.objects.bulk_create(
        LLMCall(
            session_id=session.pk,
            provider="anthropic",
            model="m",
            tier="core",
            status=LLMCall.Status.FAILED if index < failures else LLMCall.Status.FINISHED,
            cost=Decimal(0) if index < failures else Decimal("0.0213"),
        )
        for index in range(calls)
    )
