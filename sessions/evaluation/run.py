"""Carries an evaluation to its end. Killed at any moment and started again, it goes on and pays no answer twice.

What is decided is a row before anything is paid for it: a trial for each case and mode, a session for each of the
board's, and under the trial's id the journal of every sample and mark. A second start finds the rows, replays what the
journal holds, lets the runner take over the sessions it left, and asks only what nobody has answered.
"""

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connections
from django.utils import timezone

from llm import broker, ledger, storage
from llm.types import Completion, Request
from sessions.cleaning import storable
from sessions.evaluation import board, budget, judge, sampling
from sessions.evaluation.answer import Answer, failure
from sessions.evaluation.errors import EvaluationError
from sessions.evaluation.figures import Result
from sessions.evaluation.judge import Marks
from sessions.evaluation.suite import Case, Suite
from sessions.models import Evaluation, Trial

BOARD, SINGLE, CONSISTENCY = "board", "single", "self-consistency"
MODES = (BOARD, SINGLE, CONSISTENCY)
#: Seconds to wait for another process of the same evaluation to be gone, as a killed one soon is.
PATIENCE = 10.0

Tell = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """``tokens``: for each case and mode. ``most``: samples at most. ``parallel``: cases at once.
    ``limit``: only the first cases. ``fresh``: from the beginning. ``retry``: failed trials once more."""

    suite: Suite
    modes: tuple[str, ...] = MODES
    tokens: int = budget.DEFAULT
    rounds: int | None = None
    most: int = 200
    parallel: int = 4
    judged: bool = True
    limit: int | None = None
    fresh: bool = False
    retry: bool = False

    @property
    def conditions(self) -> dict[str, Any]:
        """Whatever changes the answers. Another value is another evaluation; modes and limits are not in it, so that
        those can be added to one that exists."""
        return {
            "suite": self.suite.digest,
            "tokens": self.tokens,
            "rounds": self.rounds or settings.BOARD_MAX_ROUNDS,
            "most_samples": self.most,
            "primary": settings.LLM_PRIMARY,
            "fallback": settings.LLM_FALLBACK_ENABLED,
            "offline": settings.OFFLINE,
            "models": {
                name: {"models": entry.get("models", {}), "at": "" if settings.OFFLINE else entry.get("base_url", "")}
                for name, entry in settings.LLM_PROVIDERS.items()
                if entry.get("api_key")
            },
        }


def carry(plan: Plan, tell: Tell) -> Evaluation:
    """Answer and mark what is not answered and marked yet. Raises ``EvaluationError`` when it is being run already."""
    evaluation = find(plan)
    with _alone(evaluation):
        cases = {case.id: case for case in plan.suite.first(plan.limit).cases}
        _enlist(evaluation, plan, cases)
        if plan.retry:
            _again(evaluation, cases, tell)
        for mode in plan.modes:
            (_board if mode == BOARD else _sample)(plan, evaluation, mode, cases, tell)
        if plan.judged:
            asyncio.run(_judge(plan, evaluation, cases, tell))
    return evaluation


def find(plan: Plan) -> Evaluation:
    """The plan's evaluation, made if need be; with ``fresh`` a new one beside those there are."""
    text = json.dumps(plan.conditions, sort_keys=True)
    base = f"{plan.suite.name[:150]}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    same = list(Evaluation.objects.filter(name__startswith=base).order_by("-id"))
    if same and not plan.fresh:
        return same[0]
    name = f"{base}-{len(same) + 1}" if same else base
    return Evaluation.objects.get_or_create(
        name=name,
        defaults={"suite": plan.suite.name[:200], "digest": plan.suite.digest, "conditions": plan.conditions},
    )[0]


def results(evaluation: Evaluation, plan: Plan) -> list[Result]:
    """What there is of the plan's cases and modes, in their order; a trial without an answer counts as a failure."""
    cases = {case.id: case for case in plan.suite.first(plan.limit).cases}
    trials = {(trial.case, trial.mode): trial for trial in evaluation.trials.filter(mode__in=plan.modes)}
    spent = budget.spends([trial.session_id for trial in trials.values()])
    judged = budget.spends([trial.judge_id for trial in trials.values()])
    unfinished = failure("not_finished", "The trial has not ended. Run the command again.", recoverable=True)
    return [
        Result(
            case,
            mode,
            Answer.model_validate(trial.answer) if trial.answer else unfinished,
            spent[trial.session_id],
            plan.tokens,
            Marks.model_validate(trial.marks) if trial.marks and plan.judged else None,
            judged[trial.judge_id],
        )
        for mode in plan.modes
        for case in cases.values()
        if (trial := trials.get((case.id, mode))) is not None
    ]


@contextlib.contextmanager
def _alone(evaluation: Evaluation) -> Iterator[None]:
    """One process an evaluation: two would ask the same samples at the same time, and both be billed."""
    own = connections.create_connection("default")
    lock = int.from_bytes(evaluation.pk.bytes[-7:], "big")
    deadline = time.monotonic() + PATIENCE
    try:
        with own.cursor() as cursor:
            while True:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
                if cursor.fetchone() == (True,):
                    break
                if time.monotonic() > deadline:
                    raise EvaluationError(
                        "evaluation_busy",
                        f"Another process runs the evaluation {evaluation.name}. Wait for it, or stop it: "
                        "this command then goes on where it stopped.",
                    )
                time.sleep(0.2)
            yield
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
    finally:
        own.close()


def _enlist(evaluation: Evaluation, plan: Plan, cases: dict[str, Case]) -> None:
    Trial.objects.bulk_create(
        [Trial(evaluation=evaluation, case=case, mode=mode) for case in cases for mode in plan.modes],
        ignore_conflicts=True,
    )


def _again(evaluation: Evaluation, cases: dict[str, Case], tell: Tell) -> None:
    """Forget failures that may pass; what was paid for stays in the journal and is not paid again."""
    for trial in evaluation.trials.filter(case__in=cases):
        answer = Answer.model_validate(trial.answer) if trial.answer else None
        marks = Marks.model_validate(trial.marks) if trial.marks else None
        if answer is not None and answer.failed and answer.recoverable:
            if trial.mode == BOARD and not board.retry(trial):
                continue
            Trial.objects.filter(pk=trial.pk).update(answer=None, answered_at=None, marks=None)
            tell(f"{trial}: once more after {answer.code}")
        elif marks is not None and marks.code and marks.recoverable:
            Trial.objects.filter(pk=trial.pk).update(marks=None)


def _pending(evaluation: Evaluation, mode: str, cases: dict[str, Case]) -> list[Trial]:
    """Trials of a mode without an answer, in the suite's order."""
    order = {case: number for number, case in enumerate(cases)}
    found = evaluation.trials.filter(mode=mode, answer__isnull=True, case__in=cases)
    return sorted(found, key=lambda trial: order[trial.case])


def _board(plan: Plan, evaluation: Evaluation, mode: str, cases: dict[str, Case], tell: Tell) -> None:
    """A few sessions at a time, so that an evaluation that is stopped leaves no long line behind."""
    pending = _pending(evaluation, mode, cases)
    for start in range(0, len(pending), plan.parallel):
        group = pending[start : start + plan.parallel]
        for trial in group:
            board.bring(trial, cases[trial.case], plan.rounds)
        board.drive(group, parallel=plan.parallel)
        for trial in group:
            answer = board.read(cases[trial.case], trial.session_id)
            if answer is not None:
                _keep(trial, answer, tell)


def _sample(plan: Plan, evaluation: Evaluation, mode: str, cases: dict[str, Case], tell: Tell) -> None:
    async def one(trial: Trial) -> None:
        case = cases[trial.case]
        if mode == SINGLE:
            answer = await sampling.single(case, trial.session_id, _speak)
        else:
            answer = await sampling.self_consistency(case, trial.session_id, _speak, tokens=plan.tokens, most=plan.most)
        await storage.run(_keep, trial, answer, tell)

    asyncio.run(_all(_pending(evaluation, mode, cases), one, plan.parallel))


async def _judge(plan: Plan, evaluation: Evaluation, cases: dict[str, Case], tell: Tell) -> None:
    def unmarked() -> list[Trial]:
        rows = evaluation.trials.filter(mode__in=plan.modes, marks__isnull=True, answer__isnull=False, case__in=cases)
        return [trial for trial in rows.order_by("pk") if judge.criteria(cases[trial.case])]

    async def one(trial: Trial) -> None:
        answer = Answer.model_validate(trial.answer)
        if answer.failed:
            return
        marks = await judge.mark(cases[trial.case], answer, trial.judge_id, _speak)
        data = storable(marks.model_dump())
        await storage.run(lambda: Trial.objects.filter(pk=trial.pk).update(marks=data))
        tell(f"{trial}: marked" if not marks.code else f"{trial}: not marked, {marks.code}")

    await _all(await storage.run(unmarked), one, plan.parallel)


async def _all(trials: Sequence[Trial], one: Callable[[Trial], Awaitable[None]], parallel: int) -> None:
    turn = asyncio.Semaphore(parallel)

    async def in_turn(trial: Trial) -> None:
        async with turn:
            await one(trial)

    async with asyncio.TaskGroup() as group:
        for trial in trials:
            group.create_task(in_turn(trial))


async def _speak(request: Request[Any]) -> Completion[Any]:
    return await broker.complete(request)


def _keep(trial: Trial, answer: Answer, tell: Tell) -> None:
    data = storable(answer.model_dump())
    Trial.objects.filter(pk=trial.pk).update(answer=data, answered_at=timezone.now())
    summary = ledger.cost_of(trial.session_id)
    tokens = summary.input_tokens + summary.output_tokens + summary.cache_read_tokens + summary.cache_write_tokens
    said = f"failed, {answer.code}" if answer.failed else (answer.said or "no option that can be read")
    tell(f"{trial}: {said} ({tokens:,} tokens in {summary.calls} calls)")
