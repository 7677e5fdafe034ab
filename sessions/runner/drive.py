"""Carries one claimed session through its graph."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Command, Interrupt

from bo1site.observability import correlation, tracing
from bo1site.resilience import faults
from llm import broker
from llm.types import Completion, Request
from sessions.graph.build import GRAPH_VERSION, RECURSION_LIMIT
from sessions.graph.ports import Context
from sessions.graph.state import initial_state
from sessions.models import Checkpoint, Event, Session, Status
from sessions.reading import TableReader
from sessions.runner.lease import Claim
from sessions.runner.outcome import Outcome, failed, of_error
from sessions.speech.speaker import Speaker

log = logging.getLogger(__name__)

Run = Callable[[Callable[[], Any]], Awaitable[Any]]
Graph = CompiledStateGraph[Any, Any, Any, Any]

#: Nodes of one session that may be at work at once. Throttling is the broker's business, not the graph's.
#: Four sub-problems of five personas each, and some to spare.
MAX_CONCURRENCY = 24

#: Where a drain request comes from, and what it means when the graph has come to rest.
_DRAINED = {"pause": "paused", "evict": "evicted", "release": "released"}


class Drive:
    """One session on its way. ``stop`` asks it to rest at the next step; ``abandon`` interrupts it at once."""

    def __init__(self, claim: Claim, graph: Graph, run: Run, speaker: Speaker) -> None:
        self.claim = claim
        self._graph, self._run, self._speaker = graph, run, speaker
        self.reader = TableReader(claim.session_id, run)
        self._control = RunControl()
        self._abandoned = ""
        self._task: asyncio.Task[Outcome] | None = None
        if claim.requested:
            self.stop(claim.requested)

    def stop(self, request: str) -> None:
        """Rest at the next step boundary: ``pause``, ``evict`` or ``release``. From any thread."""
        if self._control.drain_reason is None or request == "pause":
            self._control.request_drain(request)

    def abandon(self, why: str) -> None:
        """Cancel calls in flight and end: ``lost`` writes nothing more, ``release`` puts the session back into line."""
        self._abandoned = self._abandoned or why
        if self._task is not None:
            self._task.cancel()

    async def go(self) -> Outcome:
        """How it ended. Never raises, except for a cancellation that ``abandon`` did not ask for."""
        with correlation.bound(
            correlation_id=self.claim.request or correlation.new_id(), session_id=str(self.claim.session_id)
        ):
            self._task = asyncio.ensure_future(self._walk())
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            if not self._task.done():  # whoever awaits us was cancelled
                self._task.cancel()
                raise
            return Outcome("released" if self._abandoned == "release" else "lost")

    async def _walk(self) -> Outcome:
        with tracing.span("drive a session", fence=self.claim.fence):
            return await self._through_the_graph()

    async def _through_the_graph(self) -> Outcome:
        claim = self.claim
        faults.point("drive.begun", str(claim.session_id))
        if claim.graph_version != GRAPH_VERSION:
            return failed(
                "graph_version",
                f"This session was begun by version {claim.graph_version} of the board's procedure; this is version"
                f" {GRAPH_VERSION}. Run it with the release that began it, or start it again.",
                recoverable=True,
            )
        config: RunnableConfig = {
            "configurable": {"thread_id": str(claim.session_id), "fence": claim.fence},
            "recursion_limit": RECURSION_LIMIT,
            "max_concurrency": MAX_CONCURRENCY,
        }
        try:
            entry, waiting = await self._entry(config)
            if waiting is not None:
                return waiting
            result = await self._graph.ainvoke(
                entry, config, context=await self._context(), durability="sync", control=self._control
            )
        except GraphDrained:
            return Outcome(_DRAINED.get(self._control.drain_reason or "", "released"))  # type: ignore[arg-type]
        except Exception as error:
            return of_error(error, await self._failed_node(config))
        if interrupts := (result or {}).get("__interrupt__"):
            return _waiting(interrupts)
        if await self._run(self._completed):
            return Outcome("completed")
        return failed(
            "ended_early",
            "The deliberation stopped before it reached its end. A retry continues from its last step.",
            recoverable=True,
        )

    async def _entry(self, config: RunnableConfig) -> tuple[Any, Outcome | None]:
        """What to invoke the graph with: the input, nothing (continue), or the owner's answer.

        Continue without a checkpoint id: with one, LangGraph takes it for a fork and runs every branch again.
        """
        if self.claim.fresh:
            return initial_state(), None
        state = await self._graph.aget_state({"configurable": {"thread_id": str(self.claim.session_id)}})
        if not state.config["configurable"].get("checkpoint_id"):
            return initial_state(), None
        if not state.interrupts:
            return None, None
        answers = await self._run(lambda: self._answers([interrupt.id for interrupt in state.interrupts]))
        if not answers:
            # A part that asks does not keep its siblings from going on where they were.
            asking = all(task.interrupts or task.result is not None for task in state.tasks)
            return None, _waiting(state.interrupts) if asking else None
        return Command(resume=answers), None

    def _answers(self, interrupt_ids: list[str]) -> dict[str, Any]:
        """The owner's answers by interrupt id, so that an answer never answers the next question; to a review, the
        changes."""
        keys = {f"answer:{interrupt_id}": interrupt_id for interrupt_id in interrupt_ids}
        given = Event.objects.filter(session_id=self.claim.session_id, key__in=keys).values_list("key", "data")
        return {keys[key]: data["answers"] if "answers" in data else data["changes"] for key, data in given}

    async def _context(self) -> Context:
        reuse = not (self.claim.fresh or self.claim.think_afresh) and await self._run(self._forked)

        async def speak(request: Request[Any]) -> Completion[Any]:
            faults.point("llm.before")
            with self._speaker.overheard(_reusing(request) if reuse else request) as heard:
                completion = await broker.complete(heard)
            faults.point("llm.after")
            return completion

        return Context(self.claim.session_id, self.reader, speak, tuple(broker.providers()))

    def _forked(self) -> bool:
        return Checkpoint.objects.filter(thread_id=str(self.claim.session_id), superseded=True).exists()

    def _completed(self) -> bool:
        return Session.objects.filter(pk=self.claim.session_id, status=Status.COMPLETED).exists()

    async def _failed_node(self, config: RunnableConfig) -> str:
        """The node whose task has left an error, as far as it can be told."""
        try:
            state = await self._graph.aget_state({"configurable": {"thread_id": str(self.claim.session_id)}})
        except Exception:
            return ""
        return next((task.name for task in state.tasks if task.error), "")


def _reusing(request: Request[Any]) -> Request[Any]:
    """Allows an answer to the identical prompt that another branch of the session has paid for."""
    return replace(request, reuse=True)


def _waiting(interrupts: "list[Interrupt] | tuple[Interrupt, ...]") -> Outcome:
    first = interrupts[0]
    value: dict[str, Any] = first.value if isinstance(first.value, dict) else {"questions": [str(first.value)]}
    questions = [str(question) for question in value.get("questions", [])]
    return Outcome("waiting", questions=questions, interrupt_id=first.id, review=value.get("review"))
