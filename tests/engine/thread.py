"""A claimed session and its saver, driven by hand."""

from typing import Any

from langgraph.checkpoint.base import empty_checkpoint

from sessions.graph.saver import Saver
from sessions.models import Session
from sessions.runner import identity, lease


class Thread:
    """A claimed session and its saver, driven by hand."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.fence = lease.claim(identity.owner(), 1, only=session.pk)[0].fence
        self.saver = Saver()
        self.newest: str | None = None

    def config(self, checkpoint_id: str | None = None, fence: int | None = None) -> Any:
        return {
            "configurable": {
                "thread_id": str(self.session.pk),
                "checkpoint_ns": "",
                "checkpoint_id": checkpoint_id or self.newest,
                "fence": self.fence if fence is None else fence,
            }
        }

    def put(self, *, step: int = 1, **values: Any) -> str:
        checkpoint = empty_checkpoint()
        versions: Any = {name: self.saver.get_next_version(None, None) for name in values}
        checkpoint["channel_values"], checkpoint["channel_versions"] = values, versions
        stored = self.saver.put(self.config(), checkpoint, {"source": "loop", "step": step}, versions)
        self.newest = stored["configurable"]["checkpoint_id"]
        assert self.newest
        return self.newest

    def write(self, *writes: tuple[str, Any], task: str = "task", path: str = "", fence: int | None = None) -> None:
        self.saver.put_writes(self.config(fence=fence), writes, task, path)

    def pending(self) -> list[Any]:
        found = self.saver.get_tuple(self.config())
        assert found
        return found.pending_writes or []
