"""The only entry to language models: ``complete`` turns a request into a validated answer or one clear error."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic

from django.conf import settings
from django.db import DatabaseError

from llm import breaker_store, cache, journal, metrics, policy, shaping, storage
from llm.attempt import AlreadyAnswered, Attempt, storage_unavailable
from llm.errors import Action, Condition, LLMError
from llm.models import Answer
from llm.policy import Progress, Rules, Situation
from llm.providers import base, registry
from llm.providers.base import Repair
from llm.types import Completion, Request, T, Usage

_jitter = random.SystemRandom().random
#: After these, another provider may be asked; when all were, the error names them all.
_HANDED_ON = {
    Condition.ACCOUNT,
    Condition.CIRCUIT_OPEN,
    Condition.DEADLINE,
    Condition.OVERLOADED,
    Condition.RATE_LIMITED,
    Condition.TRANSIENT,
}


def preload() -> None:
    """Import the SDKs of all configured providers: for a process that is about to fork workers that share them."""
    registry.preload()


def providers() -> list[str]:
    """The names of the configured providers, the primary first: what ``Request.prefer`` can choose between."""
    try:
        return [entry.name for entry in registry.route()]
    except LLMError:
        return []


async def complete(request: Request[T]) -> Completion[T]:
    """A validated answer: from the journal when this step was answered before, else from a provider.

    Retries, falls back and repairs within ``request.deadline`` seconds. Raises ``LLMError`` when no usable answer came,
    and can be cancelled at any time without losing an answer that was paid.
    """
    digest = journal.prompt_digest(request)
    place = journal.entry_of(request, digest)
    if not _may_look_later(request):
        stored = await _replay(request, place) or (await _reused(request, digest) if request.reuse else None)
        if stored is not None:
            metrics.REUSED.labels("journal").inc()
            return stored
    route = registry.route(request.prefer)
    key = (digest, route[0].name, route[0].model(request.tier)) if request.cache else None
    cached = await _cached(request, place, key)
    if cached is not None:
        metrics.REUSED.labels("cache").inc()
        return cached
    try:
        completion = await _Call(request, place, route, _rules()).run()
    except AlreadyAnswered as known:
        metrics.REUSED.labels("journal").inc()
        completion = journal.replay(request, known.answer) or await _anew(request, place, known.answer)
    if key is not None and completion.provider == key[1]:
        cache.answers.put(key, completion)
    return completion


def _may_look_later(request: Request[T]) -> bool:
    """Whether the journal can be asked while the attempt is written down, which saves a visit to the database: when
    nothing is known to stand between now and then, neither a queue nor a breaker nor another place to look."""
    if request.session_id is None or request.cache or request.reuse:
        return False
    first = registry.first(request.prefer)
    return first is not None and shaping.is_free(first) and breaker_store.untroubled(first)


async def _anew(request: Request[T], place: journal.Entry | None, unfit: Answer) -> Completion[T]:
    """An answer for a step whose stored answer no longer fits its schema."""
    await storage.run(journal.forget, unfit.session_id, unfit.key)
    return await _Call(request, place, registry.route(request.prefer), _rules()).run()


async def _replay(request: Request[T], place: journal.Entry | None) -> Completion[T] | None:
    if place is None:
        return None
    try:
        answer = await storage.run(journal.find, place.session_id, place.key)
        if answer is None:
            return None
        replayed = journal.replay(request, answer)
        if replayed is None:
            await storage.run(journal.forget, place.session_id, place.key)
        return replayed
    except DatabaseError as error:
        raise storage_unavailable() from error


async def _reused(request: Request[T], digest: str) -> Completion[T] | None:
    """The answer that another task of the session was given to the identical prompt."""
    if request.session_id is None:
        return None
    try:
        answer = await storage.run(journal.find_by_prompt, request.session_id, digest)
    except DatabaseError as error:
        raise storage_unavailable() from error
    return None if answer is None else journal.replay(request, answer)


async def _cached(request: Request[T], place: journal.Entry | None, key: cache.Key | None) -> Completion[T] | None:
    """An answer of the last minutes, journalled for this session like any other, at no cost."""
    found = cache.answers.get(key) if key is not None else None
    if found is None:
        return None
    data, origin = found
    value = request.schema.model_validate(data)
    completion = Completion(
        value=value,
        provider=origin.provider,
        model=origin.model,
        usage=Usage(),
        cost=Decimal(0),
        latency=0.0,
        replayed=True,
        offline=origin.offline,
        cached=True,
    )
    if place is not None:
        try:
            await storage.run_to_end(journal.store, place, completion)
        except DatabaseError as error:
            raise storage_unavailable() from error
    return completion


def _rules() -> Rules:
    default = Rules()
    return Rules(
        retries=int(getattr(settings, "LLM_RETRIES", default.retries)),
        base=float(getattr(settings, "LLM_RETRY_BASE", default.base)),
        cap=float(getattr(settings, "LLM_RETRY_CAP", default.cap)),
    )


@dataclass(slots=True)
class _Call(Generic[T]):
    """The attempts of one request on the providers of its route, in order."""

    request: Request[T]
    place: journal.Entry | None
    route: list[registry.Config]
    rules: Rules
    began: float = field(default_factory=time.monotonic)
    attempts: int = 0
    causes: list[LLMError] = field(default_factory=list)

    @property
    def deadline(self) -> float:
        wished = self.request.deadline
        return settings.LLM_TOTAL_DEADLINE if wished is None else wished

    async def run(self) -> Completion[T]:
        for index, entry in enumerate(self.route):
            outcome = await self._on(index, entry)
            if isinstance(outcome, Completion):
                return outcome
            self.causes.append(outcome)
            if index + 1 < len(self.route):
                metrics.FALLBACKS.labels(entry.name, self.route[index + 1].name, outcome.code).inc()
        raise exhausted(self.causes)

    async def _on(self, index: int, entry: registry.Config) -> Completion[T] | LLMError:
        """The answer of one provider, or the error after which the next one may be asked."""
        progress, repair, room = Progress(), None, 1
        while True:
            left = self._left(index)
            if left <= self.rules.least:
                return self._late(entry)
            self.attempts += 1
            try:
                return await Attempt(self.request, entry, self.attempts, left, self.place, repair, room).run()
            except LLMError as error:
                situation = Situation(self._left(index), self._other(index))
                decision = policy.decide(error, progress, situation, self.rules, _jitter())
                error.action = decision.action
                if decision.action is Action.FALL_BACK:
                    return error
                if decision.action is Action.GIVE_UP:
                    if error.condition in _HANDED_ON:
                        return error  # the next provider, if any, has the last word on whether it can be asked
                    raise
                metrics.RETRIES.labels(entry.name, error.code).inc()
                progress = policy.advance(progress, decision.action)
                if decision.action is Action.REPAIR:
                    repair = Repair(error.answer, error.message)
                elif decision.action is Action.ENLARGE:
                    room = 2
                await asyncio.sleep(decision.delay)

    def _left(self, index: int) -> float:
        elapsed = time.monotonic() - self.began
        return policy.time_for(index, len(self.route), elapsed, self.deadline, self.rules)

    def _other(self, index: int) -> bool:
        return any(breaker_store.peek(entry.name) for entry in self.route[index + 1 :])

    def _late(self, entry: registry.Config) -> LLMError:
        return LLMError(
            "deadline_exceeded",
            f"No answer within {self.deadline:.3g} s. Try again, or allow more time.",
            condition=Condition.DEADLINE,
            provider=entry.name,
        )


def exhausted(causes: list[LLMError]) -> LLMError:
    """One error for all that was tried."""
    if len(causes) == 1:
        return causes[0]
    waits = [cause.retry_after for cause in causes if cause.retry_after is not None]
    each = " ".join(f"{base.title(cause.provider)}: {cause.message}" for cause in causes)
    return LLMError(
        "providers_failed",
        f"No provider could answer. {each}",
        condition=causes[-1].condition,
        provider=causes[-1].provider,
        retry_after=min(waits) if waits else None,
        http_status=causes[-1].http_status,
        billed=None,
        causes=tuple(causes),
    )
