"""What the broker asks of a provider, and the parts that all providers share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel

from llm.errors import Action, Condition, LLMError
from llm.types import Usage

if TYPE_CHECKING:
    import httpx2

CONNECT_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Repair:
    """An answer that did not fit, and why: shown to the model once, so that it can mend it."""

    answer: str
    problem: str

    @property
    def instruction(self) -> str:
        return (
            f"That answer cannot be used: {self.problem}\n"
            "Send the whole answer again as one JSON object that fits the schema. Change only what is wrong."
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """One attempt. ``timeout`` in seconds; ``reasoning_tokens`` come on top of ``max_tokens``.

    ``on_text`` is given each piece of the answer's text as it comes; it never raises, and goes with ``stream``.
    """

    model: str
    schema: type[BaseModel]
    system: str
    prompt: str
    max_tokens: int
    timeout: float
    temperature: float | None = None
    effort: str = ""
    reasoning_tokens: int = 0
    stream: bool = False
    repair: Repair | None = None
    on_text: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The text of a complete answer, not yet validated; ``usage`` None when the provider did not say."""

    text: str
    model: str
    usage: Usage | None


class Provider(Protocol):
    """A provider's client, bound to one event loop."""

    async def ask(self, ask: Ask) -> Reply:
        """A whole answer, or ``LLMError``; never half of one."""

    async def close(self) -> None:
        """Gives its connections back."""


def timeout(ask: Ask) -> "httpx2.Timeout":
    """The SDK's timeouts for one attempt: connecting gets less, since a host that is there answers at once."""
    import httpx2

    return httpx2.Timeout(ask.timeout, connect=min(CONNECT_TIMEOUT, ask.timeout))


def unreachable(provider: str, reason: str, *, billed: bool | None = False) -> LLMError:
    return LLMError(
        "provider_unreachable",
        f"{title(provider)} could not be reached ({reason}). Check the network and the provider's status page.",
        condition=Condition.TRANSIENT,
        action=Action.RETRY,
        provider=provider,
        billed=billed,
    )


def timed_out(provider: str, seconds: float) -> LLMError:
    return LLMError(
        "provider_timeout",
        f"{title(provider)} did not finish its answer within {seconds:.3g} s.",
        condition=Condition.TRANSIENT,
        action=Action.RETRY,
        provider=provider,
        billed=None,
    )


def broken(provider: str, reason: str) -> LLMError:
    """The connection was good, what came over it was not: cut short, not JSON, not of the documented form."""
    return LLMError(
        "answer_broken",
        f"{title(provider)} sent an answer that cannot be read ({reason}); nothing of it was used.",
        condition=Condition.TRANSIENT,
        action=Action.RETRY,
        provider=provider,
        billed=None,
    )


def cut(provider: str, usage: Usage | None, model: str) -> LLMError:
    return LLMError(
        "answer_cut",
        f"{title(provider)} stopped at the token limit in the middle of the answer. Ask for less or raise the limit.",
        condition=Condition.CUT,
        action=Action.ENLARGE,
        provider=provider,
        usage=usage,
        model=model,
        billed=True,
    )


def refused(provider: str, reason: str, usage: Usage | None, model: str) -> LLMError:
    detail = f": {reason[:300]}" if reason else ""
    return LLMError(
        "refused",
        f"{title(provider)} declined to answer{detail}. Rephrase the decision or its context.",
        condition=Condition.REFUSED,
        provider=provider,
        usage=usage,
        model=model,
        billed=True,
    )


def context_exceeded(
    provider: str, usage: Usage | None = None, model: str = "", http_status: int | None = None
) -> LLMError:
    return LLMError(
        "context_too_long",
        f"The text does not fit {title(provider)}'s model. Shorten the context or the documents.",
        condition=Condition.CONTEXT,
        provider=provider,
        usage=usage,
        model=model,
        http_status=http_status,
        billed=usage is not None,
    )


_TITLES = {"anthropic": "Anthropic", "openai": "OpenAI"}


def title(provider: str) -> str:
    return _TITLES.get(provider, provider)
