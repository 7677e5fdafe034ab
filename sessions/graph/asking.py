"""How nodes ask a model: every call names its session, task, node and persona, so it is paid once and accounted."""

from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from pydantic import BaseModel

from llm.errors import LLMError
from llm.types import Completion, Request
from sessions.graph.failures import DeliberationFailed
from sessions.graph.ports import Context

T = TypeVar("T", bound=BaseModel)


async def ask(
    runtime: Runtime[Context],
    schema: type[T],
    *,
    node: str,
    system: str,
    prompt: str,
    tier: str = "core",
    persona: str = "",
    max_tokens: int = 2000,
    prefer: str = "",
) -> Completion[T]:
    """Raises ``LLMError``. For nodes that can live with a failure; the others use ``demand``."""
    info = runtime.execution_info
    request: Request[Any] = Request(
        schema=schema,
        system=system,
        prompt=prompt,
        tier=tier,
        max_tokens=max_tokens,
        session_id=runtime.context.session_id,
        task_id=info.task_id if info else "",
        call_no=0,
        node=node,
        persona=persona,
        prefer=prefer,
    )
    return await runtime.context.speak(request)


async def demand(runtime: Runtime[Context], schema: type[T], *, node: str, **question: Any) -> Completion[T]:
    """As ``ask``, for a node that cannot go on without an answer. Raises ``DeliberationFailed``."""
    try:
        return await ask(runtime, schema, node=node, **question)
    except LLMError as error:
        raise DeliberationFailed(error.code, error.message, recoverable=error.recoverable, node=node) from error


def fence(config: RunnableConfig) -> int:
    """The claim this run holds: it grows with every retry and take-over. 0 where nobody claims (a bare graph)."""
    return int(config.get("configurable", {}).get("fence") or 0)
