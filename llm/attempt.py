"""One question to one provider: let out in turn, in the ledger before it is sent, settled whatever happens.

Order of an attempt: the provider's gate, then in one visit to the database the breaker, the budget and the ledger's
row, then the call with no connection held, then in one visit the ledger, the journal and the breaker. Being cancelled
leaves nothing open: the row is settled as unknown and a probe's lease is given back.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Generic, NoReturn
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError

from bo1site.observability import correlation, tracing
from bo1site.resilience.breaker import Admission, Fault
from llm import breaker_store, budget, hotpath, journal, ledger, metrics, pricing, shaping, storage, structured
from llm.errors import Condition, LLMError
from llm.live import LiveText
from llm.models import Answer
from llm.providers import base, registry
from llm.providers.base import Ask, Repair, Reply
from llm.types import Completion, Request, T, Usage

logger = logging.getLogger(__name__)

#: Conditions that say something about the provider's health; after any other answer it is alive.
_FAULTS = {
    Condition.ACCOUNT: Fault.ACCOUNT,
    Condition.RATE_LIMITED: Fault.RATE_LIMIT,
    Condition.OVERLOADED: Fault.COUNTED,
    Condition.TRANSIENT: Fault.COUNTED,
}


#: Answers of this process that are paid and not stored yet, by their place in the journal: while PostgreSQL is away
#: a session may change hands inside one process, and whoever repeats the step waits for the answer and buys no other.
_unstored: dict[tuple[UUID, str], asyncio.Future[None]] = {}


class AlreadyAnswered(Exception):
    """The journal knew the answer, so nothing was asked."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("already answered")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class _Begun:
    call_id: int
    probing: bool


@dataclass(slots=True)
class Attempt(Generic[T]):
    """``number`` counts a call's attempts over all providers; ``time_left`` is in seconds, waiting included.

    With a ``place`` in the journal that is asked in the same breath as the row is written (``AlreadyAnswered`` says it
    knew), and keeps the answer.
    """

    request: Request[T]
    entry: registry.Config
    number: int
    time_left: float
    place: journal.Entry | None = None
    repair: Repair | None = None
    room: int = 1
    caller: str = ""
    timeout: float = 0.0

    async def run(self) -> Completion[T]:
        self.caller = uuid4().hex
        wait = breaker_store.refusal(self.entry.name)
        if wait is not None:
            raise circuit_open(self.entry.name, wait)
        model = self.entry.model(self.request.tier)
        client = await registry.client(self.entry)
        await self._until_stored()
        arrived = time.monotonic()
        turn = shaping.turn(self.entry.name, self.request.session_id)
        try:
            async with asyncio.timeout(self.time_left):
                await turn.__aenter__()
        except TimeoutError as error:
            raise _no_turn(self.entry.name) from error
        try:
            begun = await self._begin(model)
            self.timeout = min(settings.LLM_CALL_TIMEOUT, max(0.01, self.time_left - (time.monotonic() - arrived)))
            began = time.monotonic()
            try:
                with tracing.span("ask a model", provider=self.entry.name, model=model, attempt=self.number):
                    reply = await self._ask(client, model)
                    value = self._validated(reply)
            except BaseException as error:
                await self._lost(begun, error, model, time.monotonic() - began)
        finally:
            await turn.__aexit__(None, None, None)
        return await self._keep(begun, reply, value, time.monotonic() - began)

    async def _until_stored(self) -> None:
        """Wait for an answer to this very call that somebody else of this process is about to store."""
        while self.place is not None and (stored := _unstored.get((self.place.session_id, self.place.key))):
            if stored.get_loop() is not asyncio.get_running_loop():
                return
            await asyncio.wait([stored])

    async def _begin(self, model: str) -> _Begun:
        mine = correlation.correlation_id()  # a database thread does not inherit it
        try:
            return await storage.acquire(lambda: self._open(model, mine), self._undo)
        except DatabaseError as error:
            raise storage_unavailable() from error

    def _open(self, model: str, correlation_id: str) -> _Begun:
        name = self.entry.name
        admission, wait = breaker_store.admit(name, self.caller)
        if admission is Admission.REFUSED:
            self._look_before_refusing()
            raise circuit_open(name, wait)
        probing = admission is Admission.PROBE
        try:
            ledger.sweep_now_and_then()
            call_id = self._start(model, correlation_id)
        except BaseException:
            if probing:
                breaker_store.released(name, self.caller)
            raise
        return _Begun(call_id, probing)

    def _look_before_refusing(self) -> None:
        """Raises ``AlreadyAnswered`` for a step that needs no provider any more."""
        if self.place is not None:
            known = journal.find(self.place.session_id, self.place.key)
            if known is not None:
                raise AlreadyAnswered(known)

    def _start(self, model: str, correlation_id: str) -> int:
        """The attempt's row in the ledger; none when the step is answered already or its session may not spend more."""
        request = self.request
        write = partial(
            hotpath.start,
            request,
            attempt=self.number,
            provider=self.entry.name,
            model=model,
            offline=self.entry.offline,
            key="" if self.place is None else self.place.key,
            correlation_id=correlation_id,
        )
        cap = budget.of(request.session_id).cost_cap
        started = write(cap=cap)
        if started.call_id is None and started.answer_id is None and request.session_id is not None:
            cap = budget.afresh(request.session_id).cost_cap  # it may have been raised since it was read
            started = write(cap=cap)
        if started.answer_id is not None:
            raise AlreadyAnswered(Answer.objects.get(pk=started.answer_id))
        if started.call_id is None:
            raise budget.exhausted(started.spent or Decimal(0), cap or Decimal(0))
        return started.call_id

    def _undo(self, begun: _Begun) -> None:
        """The call was not sent: nothing is owed, and nothing was learnt about the provider."""
        ledger.drop(begun.call_id)
        if begun.probing:
            breaker_store.released(self.entry.name, self.caller)

    async def _ask(self, client: base.Provider, model: str) -> Reply:
        request, entry = self.request, self.entry
        ask = Ask(
            model=model,
            schema=request.schema,
            system=request.system,
            prompt=request.prompt,
            max_tokens=request.max_tokens * self.room,
            timeout=self.timeout,
            temperature=request.temperature,
            effort=entry.effort.get(request.tier, ""),
            reasoning_tokens=entry.reasoning_tokens,
            stream=request.stream or request.on_text is not None,
            repair=self.repair,
        )
        try:
            async with asyncio.timeout(self.timeout):
                if request.on_text is None:
                    return await client.ask(ask)
                with LiveText(request.on_text, self.number) as text:
                    return await client.ask(replace(ask, on_text=text.add))
        except TimeoutError as error:
            raise base.timed_out(entry.name, self.timeout) from error

    def _validated(self, reply: Reply) -> T:
        try:
            return structured.parse(self.request.schema, reply.text)
        except structured.AnswerInvalid as reason:
            raise structured.invalid_answer(self.entry.name, reason, reply.text, reply.usage, reply.model) from reason

    async def _lost(self, begun: _Begun, error: BaseException, model: str, latency: float) -> NoReturn:
        """Settles an attempt without a usable answer and raises its error again."""
        try:
            await storage.run_to_end(self._settle_loss, begun, error, model, latency)
        except DatabaseError:
            logger.exception("A failed call of %s could not be settled in the ledger", self.entry.name)
        if isinstance(error, LLMError):
            metrics.failed(error, latency)
            if error.condition is Condition.ACCOUNT:
                metrics.alert(error)
        raise error

    def _settle_loss(self, begun: _Begun, error: BaseException, model: str, latency: float) -> None:
        name = self.entry.name
        if not isinstance(error, LLMError):
            code = "cancelled" if isinstance(error, asyncio.CancelledError) else "internal_error"
            ledger.lose(begun.call_id, code, latency=latency)
            if begun.probing:
                breaker_store.released(name, self.caller)
            return
        cost = (
            Decimal(0)
            if error.billed is False
            else pricing.cost(error.model or model, error.usage, offline=self.entry.offline)
        )
        ledger.fail(begun.call_id, error, cost=cost, latency=latency)
        fault = _FAULTS.get(error.condition)
        if fault is None:
            breaker_store.succeeded(name, self.caller)
        elif self._is_blamed(error):
            breaker_store.failed(name, self.caller, fault, error.code, error.retry_after)
        elif begun.probing:
            breaker_store.released(name, self.caller)

    def _is_blamed(self, error: LLMError) -> bool:
        """A timeout counts against the provider only when it had a fair share of the usual time."""
        return error.code != "provider_timeout" or self.timeout >= min(5.0, settings.LLM_CALL_TIMEOUT / 2)

    async def _keep(self, begun: _Begun, reply: Reply, value: T, latency: float) -> Completion[T]:
        """Settles the ledger and stores the answer, in one transaction and before anybody uses it."""
        request, entry = self.request, self.entry
        cost = pricing.cost(reply.model, reply.usage, offline=entry.offline)
        fresh = Completion(
            value=value,
            provider=entry.name,
            model=reply.model,
            usage=reply.usage or Usage(),
            cost=cost,
            latency=latency,
            replayed=False,
            offline=entry.offline,
        )
        metrics.answered(entry.name, reply.model, cost, latency)
        try:
            with self._announced():
                earlier = await storage.run_to_end(self._settle_gain, begun, fresh)
        except DatabaseError:
            # Paid for and in our hands: using it beats buying it again, though a crash would now buy it again.
            logger.exception("An answer of %s for session %s could not be stored", entry.name, request.session_id)
            return fresh
        return fresh if earlier is None else (journal.replay(request, earlier) or fresh)

    @contextlib.contextmanager
    def _announced(self) -> Iterator[None]:
        """Others of this process who ask the same wait for the end of the block."""
        if self.place is None:
            yield
            return
        key = (self.place.session_id, self.place.key)
        stored = _unstored.setdefault(key, asyncio.get_running_loop().create_future())
        try:
            yield
        finally:
            if _unstored.get(key) is stored:
                del _unstored[key]
            if not stored.done():
                stored.set_result(None)

    def _settle_gain(self, begun: _Begun, completion: Completion[T]) -> Answer | None:
        """The answer that somebody else has stored for this step meanwhile, if so."""
        stored = hotpath.finish(begun.call_id, completion, self.place)
        breaker_store.succeeded(self.entry.name, self.caller)
        return None if stored or self.place is None else journal.find(self.place.session_id, self.place.key)


def circuit_open(provider: str, wait: float) -> LLMError:
    return LLMError(
        "circuit_open",
        f"{base.title(provider)} failed repeatedly and is left alone for another {wait:.0f} s.",
        condition=Condition.CIRCUIT_OPEN,
        provider=provider,
        retry_after=wait,
    )


def storage_unavailable() -> LLMError:
    return LLMError(
        "storage_unavailable",
        "The database cannot be reached, so no model was asked: its answer could not be kept. Try again shortly.",
        condition=Condition.STORAGE,
    )


def _no_turn(provider: str) -> LLMError:
    return LLMError(
        "no_turn",
        f"Too many calls wait for {base.title(provider)}: this one was not let out within its deadline. "
        "Raise the provider's concurrency or rate, or run fewer sessions at once.",
        condition=Condition.CIRCUIT_OPEN,
        provider=provider,
    )
