"""The only entry to language models: ``complete`` turns a request into a validated answer or one clear error."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Generic

from django.conf import settings
from django.db import DatabaseError, transaction
from pydantic import ValidationError

from llm import journal, ledger, pricing, storage, structured
from llm.errors import Condition, LLMError
from llm.models import Answer
from llm.providers import base, registry
from llm.providers.base import Ask, Reply
from llm.types import Completion, Request, T, Usage

logger = logging.getLogger(__name__)


async def complete(request: Request[T]) -> Completion[T]:
    """A validated answer, from the journal when this step was answered before. Raises ``LLMError``."""
    digest = journal.prompt_digest(request)
    stored = await _replay(request, digest)
    if stored is not None:
        return stored
    entry = registry.route()[0]
    timeout = min(settings.LLM_CALL_TIMEOUT, request.deadline or settings.LLM_TOTAL_DEADLINE)
    return await _Attempt(request, digest, entry, 1, timeout).run()


async def _replay(request: Request[T], digest: str) -> Completion[T] | None:
    if request.session_id is None:
        return None
    answer = await _reading(storage.run(journal.find, request.session_id, journal.key_of(request, digest)))
    if answer is None:
        return None
    replayed = _replayed(request, answer)
    if replayed is None:
        await _reading(storage.run(journal.forget, request.session_id, answer.key))
    return replayed


def _replayed(request: Request[T], answer: Answer) -> Completion[T] | None:
    try:
        value = request.schema.model_validate(answer.value)
    except ValidationError:  # validators have changed since; ask again
        return None
    return Completion(
        value=value,
        provider=answer.provider,
        model=answer.model,
        usage=journal.usage_of(answer),
        cost=answer.cost,
        latency=answer.latency_ms / 1000,
        replayed=True,
        offline=answer.offline,
    )


async def _reading(pending: Any) -> Any:
    try:
        return await pending
    except DatabaseError as error:
        raise LLMError(
            "storage_unavailable",
            "The database cannot be reached, so no model was asked: its answer could not be kept. Try again shortly.",
            condition=Condition.STORAGE,
        ) from error


@dataclass(slots=True)
class _Attempt(Generic[T]):
    """One question to one provider, with its row in the ledger."""

    request: Request[T]
    digest: str
    entry: registry.Config
    number: int
    timeout: float

    async def run(self) -> Completion[T]:
        request, entry = self.request, self.entry
        model = entry.model(request.tier)
        call_id: int = await _reading(
            storage.run(
                ledger.start, request, attempt=self.number, provider=entry.name, model=model, offline=entry.offline
            )
        )
        began = time.monotonic()
        try:
            reply = await self._ask(model)
            value = self._validated(reply)
        except LLMError as error:
            latency = time.monotonic() - began
            await storage.run_to_end(ledger.fail, call_id, error, cost=self._lost_cost(error, model), latency=latency)
            raise
        except BaseException as error:
            code = "cancelled" if isinstance(error, asyncio.CancelledError) else "internal_error"
            await storage.run_to_end(ledger.lose, call_id, code, latency=time.monotonic() - began)
            raise
        return await self._keep(call_id, reply, value, time.monotonic() - began)

    async def _ask(self, model: str) -> Reply:
        request, entry = self.request, self.entry
        ask = Ask(
            model=model,
            schema=request.schema,
            system=request.system,
            prompt=request.prompt,
            max_tokens=request.max_tokens,
            timeout=self.timeout,
            temperature=request.temperature,
            effort=entry.effort.get(request.tier, ""),
            reasoning_tokens=entry.reasoning_tokens,
            stream=request.stream,
        )
        try:
            async with asyncio.timeout(self.timeout):
                return await registry.client(entry).ask(ask)
        except TimeoutError as error:
            raise base.timed_out(entry.name, self.timeout) from error

    def _validated(self, reply: Reply) -> T:
        try:
            return structured.parse(self.request.schema, reply.text)
        except structured.AnswerInvalid as reason:
            raise structured.invalid_answer(self.entry.name, reason, reply.text, reply.usage, reply.model) from reason

    def _lost_cost(self, error: LLMError, model: str) -> Any:
        if error.billed is False:
            return 0
        return pricing.cost(error.model or model, error.usage, offline=self.entry.offline)

    async def _keep(self, call_id: int, reply: Reply, value: T, latency: float) -> Completion[T]:
        """Settles the ledger and stores the answer, in one transaction and before anybody uses it."""
        request, entry = self.request, self.entry
        cost = pricing.cost(reply.model, reply.usage, offline=entry.offline)
        usage = reply.usage or Usage()
        fresh = Completion(
            value=value,
            provider=entry.name,
            model=reply.model,
            usage=usage,
            cost=cost,
            latency=latency,
            replayed=False,
            offline=entry.offline,
        )
        answer = None
        if request.session_id is not None:
            answer = journal.compose(request, request.session_id, self.digest, fresh)
        try:
            kept = await storage.run_to_end(_settle, call_id, fresh, answer)
        except DatabaseError:
            # Paid for and in our hands: using it beats buying it again, though a crash would now buy it again.
            logger.exception("An answer of %s for session %s could not be stored", entry.name, request.session_id)
            return fresh
        return fresh if kept is None or kept is answer else (_replayed(request, kept) or fresh)


def _settle(call_id: int, completion: Completion[Any], answer: Answer | None) -> Answer | None:
    with transaction.atomic():
        ledger.finish(
            call_id,
            model=completion.model,
            usage=completion.usage,
            cost=completion.cost,
            latency=completion.latency,
        )
        return None if answer is None else journal.store(answer)
