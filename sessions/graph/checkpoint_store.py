"""Reading, deleting, copying and pruning of checkpoints, through the ORM: nothing here is on the hot path."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, get_checkpoint_id, writes_sort_key
from langgraph.checkpoint.serde.base import SerializerProtocol

from sessions.models import Checkpoint, CheckpointBlob, CheckpointWrite

_TABLES: tuple[Any, ...] = (CheckpointWrite, CheckpointBlob, Checkpoint)


@contextmanager
def returning_connection() -> Iterator[None]:
    """Give back the connection that the block opened.

    LangGraph calls a saver from throw-away threads, and Django keeps a connection per thread: without this the pool
    is empty by the second run. Threads that keep theirs open it before they call.
    """
    opened_here = connection.connection is None
    try:
        yield
    finally:
        if opened_here and not connection.in_atomic_block:
            connection.close()


def get(config: RunnableConfig, serde: SerializerProtocol) -> CheckpointTuple | None:
    """The checkpoint that ``config`` names, or the newest of its thread and namespace."""
    given = config["configurable"]
    rows = Checkpoint.objects.filter(
        thread_id=str(given["thread_id"]), checkpoint_ns=given.get("checkpoint_ns") or "", superseded=False
    )
    if wanted := get_checkpoint_id(config):
        rows = Checkpoint.objects.filter(
            thread_id=str(given["thread_id"]), checkpoint_ns=given.get("checkpoint_ns") or "", checkpoint_id=wanted
        )
    with returning_connection():
        row = rows.order_by("-checkpoint_id").first()
        return next(iter(_tuples([row], serde)), None) if row else None


def find(
    config: RunnableConfig | None,
    serde: SerializerProtocol,
    *,
    filter: dict[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> list[CheckpointTuple]:
    """Checkpoints, newest first; a config without a namespace means all of them."""
    rows: QuerySet[Checkpoint] = Checkpoint.objects.order_by("-checkpoint_id")
    if config:
        given = config["configurable"]
        rows = rows.filter(thread_id=str(given["thread_id"]))
        if given.get("checkpoint_ns") is not None:
            rows = rows.filter(checkpoint_ns=given["checkpoint_ns"])
        if wanted := get_checkpoint_id(config):
            rows = rows.filter(checkpoint_id=wanted)
    if filter:
        rows = rows.filter(metadata__contains=filter)
    if before is not None and (bound := get_checkpoint_id(before)):
        rows = rows.filter(checkpoint_id__lt=bound)
    if limit is not None:
        rows = rows[: int(limit)]
    with returning_connection():
        return _tuples(list(rows), serde)


def _tuples(rows: Sequence[Checkpoint], serde: SerializerProtocol) -> list[CheckpointTuple]:
    """Rows with their blobs and pending writes: two queries for each thread and namespace among them."""
    groups: dict[tuple[str, str], list[Checkpoint]] = defaultdict(list)
    for row in rows:
        groups[row.thread_id, row.checkpoint_ns].append(row)
    found: dict[int, CheckpointTuple] = {}
    for (thread_id, namespace), members in groups.items():
        blobs = _blobs(thread_id, namespace, members)
        writes = _writes(thread_id, namespace, members)
        for row in members:
            values = {
                channel: serde.loads_typed(blobs[channel, str(version)])
                for channel, version in row.body["channel_versions"].items()
                if (channel, str(version)) in blobs
            }
            found[row.pk] = CheckpointTuple(
                _config(row, row.checkpoint_id),
                {**row.body, "channel_values": values},  # type: ignore[typeddict-item]
                row.metadata,
                _config(row, row.parent_checkpoint_id) if row.parent_checkpoint_id else None,
                [
                    (task_id, channel, serde.loads_typed((kind, _bytes(blob))))
                    for _, task_id, _, channel, kind, blob in writes[row.checkpoint_id]
                ],
            )
    return [found[row.pk] for row in rows]


def _blobs(thread_id: str, namespace: str, rows: Sequence[Checkpoint]) -> dict[tuple[str, str], tuple[str, bytes]]:
    wanted = {(channel, str(version)) for row in rows for channel, version in row.body["channel_versions"].items()}
    if not wanted:
        return {}
    stored = CheckpointBlob.objects.filter(
        thread_id=thread_id,
        checkpoint_ns=namespace,
        channel__in={channel for channel, _ in wanted},
        version__in={version for _, version in wanted},
    ).values_list("channel", "version", "type", "blob")
    return {
        (channel, version): (kind, _bytes(blob))
        for channel, version, kind, blob in stored
        if kind != "empty" and (channel, version) in wanted
    }


def _writes(thread_id: str, namespace: str, rows: Sequence[Checkpoint]) -> dict[str, list[tuple[Any, ...]]]:
    """Pending writes by checkpoint, in the order in which a live run applies them (task path, task, position)."""
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    stored = CheckpointWrite.objects.filter(
        thread_id=thread_id, checkpoint_ns=namespace, checkpoint_id__in=[row.checkpoint_id for row in rows]
    ).values_list("checkpoint_id", "task_path", "task_id", "idx", "channel", "type", "blob")
    for checkpoint_id, *write in stored:
        found[checkpoint_id].append(tuple(write))
    for writes in found.values():
        writes.sort(key=lambda write: writes_sort_key(write[0], write[1], write[2]))
    return found


def _bytes(blob: Any) -> bytes:
    return b"" if blob is None else bytes(blob)


def _config(row: Checkpoint, checkpoint_id: str) -> RunnableConfig:
    return {
        "configurable": {
            "thread_id": row.thread_id,
            "checkpoint_ns": row.checkpoint_ns,
            "checkpoint_id": checkpoint_id,
        }
    }


def delete_thread(thread_id: str) -> None:
    with returning_connection(), transaction.atomic():
        for table in _TABLES:
            table.objects.filter(thread_id=str(thread_id)).delete()


def delete_for_runs(run_ids: Sequence[str]) -> None:
    with returning_connection(), transaction.atomic():
        named = Checkpoint.objects.exclude(run_id="")  # the index knows no others
        rows = list(named.filter(run_id__in=[str(run_id) for run_id in run_ids]))
        for row in rows:
            CheckpointWrite.objects.filter(
                thread_id=row.thread_id, checkpoint_ns=row.checkpoint_ns, checkpoint_id=row.checkpoint_id
            ).delete()
        Checkpoint.objects.filter(pk__in=[row.pk for row in rows]).delete()
        for thread_id, namespace in {(row.thread_id, row.checkpoint_ns) for row in rows}:
            drop_unused_blobs(thread_id, namespace)


def copy_thread(source: str, target: str) -> None:
    with returning_connection(), transaction.atomic():
        for table in _TABLES:
            copies = list(table.objects.filter(thread_id=str(source)))
            for copy in copies:
                copy.pk, copy.thread_id = None, str(target)
            table.objects.bulk_create(copies, ignore_conflicts=True)


def prune(thread_ids: Sequence[str], *, strategy: str) -> None:
    """Keep the newest checkpoint of each namespace with all that it needs, or (``delete``) nothing."""
    if isinstance(thread_ids, str):
        raise TypeError("thread_ids is a sequence of ids, not one id")
    if strategy not in ("keep_latest", "delete"):
        raise ValueError(f"unknown strategy {strategy!r}; use keep_latest or delete")
    for thread_id in map(str, thread_ids):
        if strategy == "delete":
            delete_thread(thread_id)
        else:
            _keep_latest(thread_id)


def _keep_latest(thread_id: str) -> None:
    with returning_connection(), transaction.atomic():
        rows = Checkpoint.objects.filter(thread_id=thread_id)
        if rows.filter(metadata__has_key="counters_since_delta_snapshot").exists():
            raise NotImplementedError("A thread with a DeltaChannel needs its older checkpoints to rebuild its values")
        live = rows.filter(superseded=False).order_by("checkpoint_id")
        newest = dict(live.values_list("checkpoint_ns", "checkpoint_id"))
        for namespace, checkpoint_id in newest.items():
            old = rows.filter(checkpoint_ns=namespace).exclude(checkpoint_id=checkpoint_id)
            CheckpointWrite.objects.filter(
                thread_id=thread_id, checkpoint_ns=namespace, checkpoint_id__in=old.values("checkpoint_id")
            ).delete()
            old.delete()
            rows.filter(checkpoint_ns=namespace).update(parent_checkpoint_id=None)
            drop_unused_blobs(thread_id, namespace)


def drop_unused_blobs(thread_id: str, namespace: str) -> None:
    """Delete the blobs that no checkpoint of the namespace refers to any more."""
    bodies = Checkpoint.objects.filter(thread_id=thread_id, checkpoint_ns=namespace).values_list("body", flat=True)
    used = {(channel, str(version)) for body in bodies for channel, version in body["channel_versions"].items()}
    stored = CheckpointBlob.objects.filter(thread_id=thread_id, checkpoint_ns=namespace)
    unused = [pk for pk, *place in stored.values_list("pk", "channel", "version") if tuple(place) not in used]
    CheckpointBlob.objects.filter(pk__in=unused).delete()
