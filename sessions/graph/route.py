"""An edge's choice as LangGraph takes it, made where it is asked for.

LangGraph carries a plain function to a thread and back for every choice. Ours are pure and take microseconds, so the
way there cost more than the choosing, and waited behind others for the thread.
"""

from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig


class Route(Runnable[Any, Any]):
    """``choose`` is given the state and says what is next; it neither waits nor raises."""

    def __init__(self, choose: Callable[[Any], Any]) -> None:
        self.name = choose.__name__
        self._choose = choose

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> Any:
        return self._choose(input)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> Any:
        return self._choose(input)
