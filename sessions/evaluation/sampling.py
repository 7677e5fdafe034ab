"""The modes without a board: one call, or as many independent ones as the same tokens buy, with a majority vote.

Self-consistency after Wang et al. 2022 (arXiv:2203.11171): sample independently, then take the majority of the final
answers. Each sample sees the options in an order of its own, because models prefer places in a list (Zheng et al. 2023,
arXiv:2309.03882), and because a provider that answers equal prompts equally would else sample only once.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from llm import storage
from llm.errors import Condition, LLMError
from llm.types import Completion, Request
from sessions.evaluation import budget, scoring
from sessions.evaluation.answer import Answer, Ballot, failure
from sessions.evaluation.schemas import SoloFigure, SoloVote, brief
from sessions.evaluation.suite import Case, Kind
from sessions.evaluation.votes import majority
from sessions.prompts import prompt

Speak = Callable[[Request[Any]], Awaitable[Completion[Any]]]
#: Samples that fail one after the other until a trial is given up.
PATIENCE = 3
#: What says something about this one answer. Any other failure would meet the next sample as well.
_OF_ONE_ANSWER = {Condition.INVALID_ANSWER, Condition.REFUSED, Condition.CUT, Condition.DEADLINE, Condition.TRANSIENT}
#: Sent only to models that take one; Wang et al. use 0.5 to 0.7.
TEMPERATURE = 0.7


@dataclass(frozen=True, slots=True)
class Sample:
    """One independent answer; ``answer`` is what the vote and the judge know of it."""

    answer: Answer
    completion: Completion[Any]


async def single(case: Case, session_id: UUID, speak: Speak) -> Answer:
    """One call. Never raises for what a model does; raises ``LLMError`` for nothing."""
    return await _sampled(case, session_id, speak, mode="single", tokens=0, most=1)


async def self_consistency(case: Case, session_id: UUID, speak: Speak, *, tokens: int, most: int) -> Answer:
    """As many samples as ``tokens`` buy (one at least, ``most`` at most), and their majority's answer.

    After each sample the next one is asked if it fits, were it to take the average of those before it. The tokens come
    from the ledger, call by call, so a resumed trial asks exactly the samples it would have asked.
    """
    return await _sampled(case, session_id, speak, mode="self-consistency", tokens=tokens, most=most)


async def _sampled(case: Case, session_id: UUID, speak: Speak, *, mode: str, tokens: int, most: int) -> Answer:
    samples: list[Sample] = []
    failures: list[LLMError] = []
    in_a_row = number = 0
    while number < most:
        if number and not budget.affords(
            await storage.run(budget.tokens_up_to, session_id, number - 1), number, tokens
        ):
            break
        try:
            samples.append(await _sample(case, session_id, speak, mode, number))
            in_a_row = 0
        except LLMError as error:
            failures.append(error)
            in_a_row += 1
            if error.condition not in _OF_ONE_ANSWER or in_a_row >= PATIENCE:
                break
        number += 1
    if not samples:
        return _failed(failures[-1])
    if failures and failures[-1].condition not in _OF_ONE_ANSWER:
        # An outage in the middle: a vote of those who were heard would not be at equal tokens.
        return _failed(failures[-1])
    return _voted(samples, len(failures))


def _failed(error: LLMError) -> Answer:
    return failure(error.code, error.message, recoverable=error.recoverable)


async def _sample(case: Case, session_id: UUID, speak: Speak, mode: str, number: int) -> Sample:
    options = _shuffled(case, number)
    numeric = case.kind is Kind.NUMBER
    completion = await speak(
        Request(
            schema=SoloFigure if numeric else SoloVote,
            system=prompt("evaluate-number" if numeric else "evaluate-answer").render(),
            prompt=brief(case, options),
            max_tokens=2000,
            temperature=TEMPERATURE,
            session_id=session_id,
            task_id=mode,
            call_no=number,
            node=mode,
        )
    )
    return Sample(_answer(case, completion.value, completion.offline, f"sample {number + 1}"), completion)


def _shuffled(case: Case, number: int) -> tuple[str, ...]:
    """The options in an order that depends on the case and the sample alone; the first sample sees the suite's own."""
    if number == 0:
        return case.options
    mixed = list(case.options)
    Random(hashlib.sha256(f"{case.id}\x1f{number}".encode("utf-8", "replace")).digest()).shuffle(mixed)  # noqa: S311
    return tuple(mixed)


def _answer(case: Case, value: SoloVote | SoloFigure, offline: bool, who: str) -> Answer:
    if isinstance(value, SoloFigure):
        word = scoring.said(case, value.answer)
        ballot = Ballot(who=who, said=word, confidence=value.confidence)
        return Answer(
            said=word,
            first=word,
            recommendation=value.answer,
            reasons=value.reasons,
            confidence=value.confidence,
            ballots=[ballot],
            offline=offline,
        )
    word = scoring.said(case, value.option)
    return Answer(
        said=word,
        first=word,
        recommendation=value.recommendation,
        reasons=value.reasons,
        conditions=value.conditions,
        against=value.against,
        change=value.would_change_my_mind,
        confidence=value.confidence,
        ballots=[Ballot(who=who, said=word, confidence=value.confidence)],
        offline=offline,
    )


def _voted(samples: list[Sample], lost: int) -> Answer:
    """The most confident sample of the majority speaks for it; ``first`` is what the first sample said."""
    ballots = [sample.answer.ballots[0] for sample in samples]
    winner = majority(ballots)
    speaks = max(
        (sample.answer for sample in samples if sample.answer.said == winner),
        key=lambda answer: answer.confidence or 0.0,
    )
    return speaks.model_copy(
        update={
            "first": samples[0].answer.said,
            "ballots": ballots,
            "lost": lost,
            "offline": any(sample.answer.offline for sample in samples),
        }
    )
