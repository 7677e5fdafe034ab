"""What the saver knows of a step that is being made: where it stands, and what of it is stored already."""

import threading
from dataclasses import dataclass, field

from langchain_core.runnables import RunnableConfig

from sessions.graph import at_once

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
    #: What tasks without a companion have written: it goes with the checkpoint that follows at once.
    kept: list[at_once.Writes] = field(default_factory=list)
    #: Checkpoints of a new thread from before its first node has ended, by the one each started from: nothing is lost
    #: with them, since whoever finds none begins anew.
    waiting: dict[str, at_once.Put] = field(default_factory=dict)
    #: Held for a write, so that nobody decides by what another thread is about to change. The database's lock on the
    #: session's row is always taken under it.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, one: at_once.Writes) -> bool:
        """Under ``lock``: keep writes for the checkpoint that is about to follow, if one is."""
        _, _, checkpoint_id, _, path = one.place
        if not path.startswith(ALONE) or self.done >= checkpoint_id:
            return False
        self.kept = [*(other for other in self.kept if other.place[3] != one.place[3]), one]
        return True

    def hold_back(self, started_from: str, put: at_once.Put) -> None:
        """Under ``lock``: keep a checkpoint for the statement that stores the next one."""
        self.done, self.waiting[started_from] = started_from, put
