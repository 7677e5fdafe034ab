"""What the saver knows of a step that is being made: where it stands, and what of it is stored already."""

import threading
from collections.abc import Container
from dataclasses import dataclass, field

from langchain_core.runnables import RunnableConfig

from sessions.graph import at_once
from sessions.graph.drafts import Draft

#: How the path of a task begins that an edge has called, and no ``Send``: in our graphs it has no companions.
ALONE = "~__pregel_pull,"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a config points to. ``checkpoint_id`` is the step's start; ``fence`` proves the claim."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str
    fence: int | None

    @classmethod
    def of(cls, config: RunnableConfig) -> "Place":
        given = config["configurable"]
        fence = given.get("fence")
        return cls(
            str(given["thread_id"]),
            given.get("checkpoint_ns") or "",
            given.get("checkpoint_id") or "",
            None if fence is None else int(fence),
        )

    @property
    def step_key(self) -> str:
        return f"{self.thread_id}|{self.checkpoint_ns}" if self.checkpoint_ns else self.thread_id

    def config(self, checkpoint_id: str) -> RunnableConfig:
        return {
            "configurable": {
                "thread_id": self.thread_id,
                "checkpoint_ns": self.checkpoint_ns,
                "checkpoint_id": checkpoint_id,
            }
        }


@dataclass(slots=True)
class OpenStep:
    """What this process knows to be committed of a thread's open step; saves writing it again, proves nothing."""

    done: str = ""  # the checkpoint from which the newest finished step started
    applied: set[str] = field(default_factory=set)
    #: What tasks without a companion have drafted, by task, with the checkpoint that their step started from: it goes
    #: with the checkpoint that follows at once. What else they have written is in that checkpoint's values.
    kept: dict[str, tuple[str, list[Draft]]] = field(default_factory=dict)
    #: Checkpoints of a new thread from before its first node has ended, by the one each started from: nothing is lost
    #: with them, since whoever finds none begins anew.
    waiting: dict[str, at_once.Put] = field(default_factory=dict)
    #: Held for a write, so that nobody decides by what another thread is about to change. The database's lock on the
    #: session's row is always taken under it.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, place: Place, task_id: str, drafts: list[Draft]) -> None:
        """Under ``lock``: keep what a task drafted for the checkpoint that follows, unless that is stored already."""
        if self.done < place.checkpoint_id:
            self.kept[task_id] = place.checkpoint_id, drafts

    def kept_from(self, checkpoints: Container[str]) -> list[Draft]:
        """Under ``lock``: what was kept of the steps that started from ``checkpoints``."""
        return [draft for started, drafts in self.kept.values() if started in checkpoints for draft in drafts]

    def hold_back(self, started_from: str, put: at_once.Put) -> None:
        """Under ``lock``: keep a checkpoint for the statement that stores the next one."""
        self.done, self.waiting[started_from] = started_from, put
