"""LangGraph's checkpointer on our tables. A step is one transaction: checkpoint, rows and events, proved by the fence.

With ``fence`` in its config (the runner's) every write first proves that the session is still ours, in the statement
that also locks its row and says where its events stand. Without one (LangGraph's own conformance suite, tools) the
saver is a plain checkpointer and touches no session.

The hot path is compact SQL: through the ORM the same work took three times the CPU. Whatever is off it (reading,
deleting, copying, pruning) lies in checkpoint_store.py.
"""

import asyncio
import contextvars
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from django.db import connection, transaction
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.base import Checkpoint as LangGraphCheckpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT

from bo1site.resilience import faults
from sessions.cleaning import storable_json
from sessions.graph import at_once, checkpoint_store, in_steps, sink
from sessions.graph.drafts import Draft
from sessions.graph.open_step import ALONE, OpenStep, Place

R = TypeVar("R")
Run = Callable[[Callable[[], Any]], Awaitable[Any]]

#: A task that failed keeps only these writes. With its ordinary ones kept too, LangGraph takes it for finished when
#: it resumes, and a router that raised after its node had written would end the graph in silence.
CONTROL = frozenset(WRITES_IDX_MAP) | {"__error_source_node__"}

#: What to do with a write that is stored already.
_KEEP = "NOTHING"
_REPLACE = "UPDATE SET channel = excluded.channel, type = excluded.type, blob = excluded.blob"


class Saver(BaseCheckpointSaver[str]):
    """``run`` executes a database function for the async methods: the runner gives threads that keep connections.

    ``on_request(session_id, request)`` is told, after the commit of a step, that somebody asked the session to
    ``pause`` or ``evict``, and ``on_rows(session_id, tables)`` that rows were stored; both in a database thread.
    """

    def __init__(
        self,
        *,
        run: Run | None = None,
        on_request: Callable[[str, str], None] | None = None,
        on_rows: Callable[[str, Iterable[str]], None] | None = None,
    ) -> None:
        # The default serializer would rebuild any class that a crafted row names.
        super().__init__(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._run = run or _in_a_thread
        self._on_request = on_request
        self._on_rows = on_rows
        self._steps: dict[str, OpenStep] = {}
        self._empty: set[str] = set()

    def begin(self, thread_id: str, *, empty: bool) -> None:
        """A claim of the thread is about to be driven here; ``empty`` when nothing can have been stored of it."""
        self.forget(thread_id)
        if empty:
            self._empty.add(thread_id)

    def forget(self, thread_id: str) -> None:
        """Drop what is remembered of a thread that is no longer driven here."""
        for key in [key for key in self._steps if key == thread_id or key.startswith(f"{thread_id}|")]:
            del self._steps[key]
        self._empty.discard(thread_id)

    # -- writing ---------------------------------------------------------------------------------------------------

    def put(
        self,
        config: RunnableConfig,
        checkpoint: LangGraphCheckpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, what its step drafted, and the session's end if the step was the last."""
        place = Place.of(config)
        one, drafts = self._checkpoint(place, config, checkpoint, metadata, new_versions)
        step = self._steps.setdefault(place.step_key, OpenStep())
        with step.lock:
            if self._held_back(step, place, metadata, one, drafts):
                return place.config(checkpoint["id"])
            puts = [*step.waiting.values(), one]
            kept = step.kept_from({place.checkpoint_id, *step.waiting})
            new = [draft for draft in drafts if sink.identity(draft) not in step.applied]
            known = {sink.identity(draft) for draft in kept}
            missing = [draft for draft in new if sink.identity(draft) not in known]
            stepwise = partial(in_steps.put, place, puts, new)
            if place.fence is None or missing:
                requested = _transact(stepwise)
            else:
                try:
                    requested = self._put_at_once(place, place.fence, puts, kept)
                except sink.BAD_ITEM:
                    with checkpoint_store.returning_connection(), transaction.atomic():
                        requested = stepwise(careful=True)
            step.done, step.applied, step.kept, step.waiting = place.checkpoint_id, set(), {}, {}
            self._tell(place, [*missing, *kept])
        faults.point("saver.put.after_commit")
        if requested and self._on_request:
            self._on_request(place.thread_id, requested)
        return place.config(checkpoint["id"])

    def _checkpoint(
        self,
        place: Place,
        config: RunnableConfig,
        checkpoint: LangGraphCheckpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> tuple[at_once.Put, list[Draft]]:
        """The checkpoint's row and new values, and what its step drafted."""
        values = checkpoint["channel_values"]
        drafts: list[Draft] = []
        if place.fence is not None:
            # They become rows and events with this checkpoint: nobody asks it for them again.
            drafts = list(values.get(sink.OUTBOX) or [])
            values = {name: value for name, value in values.items() if name != sink.OUTBOX}
        blobs = [
            (name, str(version), *(self.serde.dumps_typed(values[name]) if name in values else ("empty", None)))
            for name, version in new_versions.items()
        ]
        body = json.dumps({name: value for name, value in checkpoint.items() if name != "channel_values"})
        about = get_serializable_checkpoint_metadata(config, metadata)
        row = [
            *(place.thread_id, place.checkpoint_ns, checkpoint["id"], place.checkpoint_id or None),
            *(about.get("source") or "", about.get("step") or 0, str(about.get("run_id") or "")),
            *(body, storable_json(about)),
        ]
        return at_once.Put(row, blobs), drafts

    def _held_back(
        self, step: OpenStep, place: Place, metadata: CheckpointMetadata, one: at_once.Put, drafts: list[Draft]
    ) -> bool:
        """Under ``step.lock``: have a checkpoint of a new thread wait, if it can, for that of its first node, which
        follows at once."""
        if place.thread_id not in self._empty or metadata.get("step", 0) >= 1:
            return False
        if drafts or any(kept for _, kept in step.kept.values()):
            return False
        step.hold_back(place.checkpoint_id, one)
        return True

    @staticmethod
    def _put_at_once(place: Place, fence: int, puts: Sequence[at_once.Put], drafts: Sequence[Draft]) -> str:
        faults.point("saver.put.begun")
        with checkpoint_store.returning_connection(), _savepoint():
            return at_once.put(place.thread_id, fence, place.checkpoint_ns, puts, drafts, place.checkpoint_id)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task has written, and at once the rows and events that it drafted.

        What a task without a companion has drafted waits for the checkpoint that follows at once, and is stored with
        it; its writes are what that checkpoint is made of, so they are not stored beside it. Should the process die
        between the two, the task is done again, and its answers are paid already.
        """
        place = Place.of(config)
        if not writes:
            return
        step = self._steps.setdefault(place.step_key, OpenStep())
        faults.point("saver.put_writes.begun")
        with step.lock:
            if _waits(place, writes, task_path):
                step.keep(place, task_id, _drafted(writes))
                return
            one = self._writes(place, writes, task_id, task_path)
            if one.rows:
                self._write(step, place, one, failed=_failed(writes))
        faults.point("saver.put_writes.after_commit")

    def _kept_at_once(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> bool:
        """Keep drafts for the checkpoint that follows without leaving the event loop, unless a thread is busy there."""
        place = Place.of(config)
        if not _waits(place, writes, task_path):
            return False
        step = self._steps.setdefault(place.step_key, OpenStep())
        if not step.lock.acquire(blocking=False):
            return False
        try:
            step.keep(place, task_id, _drafted(writes))
        finally:
            step.lock.release()
        return True

    def _writes(self, place: Place, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str) -> at_once.Writes:
        drafts = [] if place.fence is None or _halts(writes) else _drafted(writes)
        if _failed(writes):
            writes = [write for write in writes if write[0] in CONTROL]
        rows = [
            (WRITES_IDX_MAP.get(name, position), name, *self.serde.dumps_typed(value))
            for position, (name, value) in enumerate(writes)
        ]
        conflict = _REPLACE if all(name in WRITES_IDX_MAP for name, _ in writes) else _KEEP
        return at_once.Writes(
            [place.thread_id, place.checkpoint_ns, place.checkpoint_id, task_id, task_path], rows, conflict, drafts
        )

    def _write(self, step: OpenStep, place: Place, one: at_once.Writes, *, failed: bool) -> None:
        if step.waiting:
            _transact(partial(in_steps.put, place, [*step.waiting.values()], []))
            step.waiting = {}
        # LangGraph does not wait for a task's writes before it stores the step: late ones were sunk with it.
        late = step.done >= place.checkpoint_id
        one = replace(one, drafts=[]) if late or failed else one
        if place.fence is None or failed:
            _transact(partial(in_steps.write, place, one, progress=not failed))
        else:
            try:
                with checkpoint_store.returning_connection(), _savepoint():
                    at_once.write(place.thread_id, place.fence, one)
            except sink.BAD_ITEM:
                with checkpoint_store.returning_connection(), transaction.atomic():
                    in_steps.write(place, one, progress=True, careful=True)
        step.applied.update(map(sink.identity, one.drafts))
        self._tell(place, one.drafts)

    def _tell(self, place: Place, stored: Sequence[Draft]) -> None:
        if self._on_rows and (tables := at_once.by_table(stored)):
            self._on_rows(place.thread_id, tables)

    def get_next_version(self, current: str | int | float | None, channel: None) -> str:
        """A random tail keeps two branches of a fork from sharing a blob of the same number."""
        number = 0 if current is None else int(str(current).split(".")[0])
        return f"{number + 1:032}.{random.random():016}"  # noqa: S311

    # -- reading and upkeep ----------------------------------------------------------------------------------------

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return None if self._nothing_is_stored(config) else checkpoint_store.get(config, self.serde)

    def _nothing_is_stored(self, config: RunnableConfig) -> bool:
        place = Place.of(config)
        return place.thread_id in self._empty and place.step_key not in self._steps

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        yield from checkpoint_store.find(config, self.serde, filter=filter, before=before, limit=limit)

    def delete_thread(self, thread_id: str) -> None:
        checkpoint_store.delete_thread(thread_id)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        checkpoint_store.delete_for_runs(run_ids)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        checkpoint_store.copy_thread(source_thread_id, target_thread_id)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        checkpoint_store.prune(thread_ids, strategy=strategy)

    # -- the same for an event loop ----------------------------------------------------------------------------------

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: LangGraphCheckpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        place = Place.of(config)
        if place.thread_id in self._empty and metadata.get("step", 0) < 1:
            step = self._steps.setdefault(place.step_key, OpenStep())
            if step.lock.acquire(blocking=False):  # else a thread is busy there, and this one waits for it
                try:
                    one, drafts = self._checkpoint(place, config, checkpoint, metadata, new_versions)
                    if self._held_back(step, place, metadata, one, drafts):
                        return place.config(checkpoint["id"])
                finally:
                    step.lock.release()
        stored: RunnableConfig = await self._run(partial(self.put, config, checkpoint, metadata, new_versions))
        return stored

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        if self._kept_at_once(config, writes, task_id, task_path):
            return
        await self._run(partial(self.put_writes, config, writes, task_id, task_path))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        if self._nothing_is_stored(config):
            return None
        found: CheckpointTuple | None = await self._run(partial(self.get_tuple, config))
        return found

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        for item in await self._run(lambda: [*self.list(config, filter=filter, before=before, limit=limit)]):
            yield item

    async def adelete_thread(self, thread_id: str) -> None:
        await self._run(partial(self.delete_thread, thread_id))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await self._run(partial(self.delete_for_runs, run_ids))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await self._run(partial(self.copy_thread, source_thread_id, target_thread_id))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await self._run(partial(self.prune, thread_ids, strategy=strategy))


def _failed(writes: Sequence[tuple[str, Any]]) -> bool:
    return any(name == ERROR for name, _ in writes)


def _halts(writes: Sequence[tuple[str, Any]]) -> bool:
    """Whether the task failed or asks: then no checkpoint follows, and nothing that it drafted counts."""
    return any(name in (ERROR, INTERRUPT) for name, _ in writes)


def _waits(place: Place, writes: Sequence[tuple[str, Any]], task_path: str) -> bool:
    """Whether a checkpoint is to follow that says all that the task has written."""
    return place.fence is not None and task_path.startswith(ALONE) and not _halts(writes)


def _drafted(writes: Sequence[tuple[str, Any]]) -> list[Draft]:
    """What a task has drafted but for the session's end, which belongs to the checkpoint."""
    return [draft for draft in sink.collect(writes) if draft["kind"] != "end"]


def _transact(write: Callable[..., R]) -> R:
    """Run ``write`` in one transaction; when an item is refused, once more with a savepoint around each item."""
    with checkpoint_store.returning_connection():
        try:
            with transaction.atomic():
                return write(careful=False)
        except sink.BAD_ITEM:
            with transaction.atomic():
                return write(careful=True)


def _savepoint() -> AbstractContextManager[Any]:
    """Inside somebody's transaction a statement that is refused must not spoil it; on its own it needs nothing."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


_threads = ThreadPoolExecutor(4, thread_name_prefix="saver")


async def _in_a_thread(function: Callable[[], R]) -> R:
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: context.run(function))
