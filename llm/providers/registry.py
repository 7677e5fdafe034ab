"""Which providers are configured, and the one client for each of them in this process and event loop."""

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from llm.errors import Condition, LLMError
from llm.providers.base import Provider

Clients = dict[tuple[str, str, str], Provider]

# A client's connections belong to the loop they were opened in; they go when the loop goes.
_clients: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Clients]" = weakref.WeakKeyDictionary()
_closers: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncIterator[None]]" = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Config:
    """A configured provider. ``effort`` by tier is the reasoning effort to send; none = the model's default."""

    name: str
    api_key: str
    base_url: str
    models: dict[str, str]
    offline: bool
    effort: dict[str, str]
    reasoning_tokens: int

    def model(self, tier: str) -> str:
        try:
            return self.models[tier]
        except KeyError:
            raise LLMError(
                "tier_unknown",
                f"No model is configured for the tier {tier!r} of {self.name}. "
                f"Add it to LLM_PROVIDERS[{self.name!r}]['models'], beside: {', '.join(sorted(self.models))}.",
                condition=Condition.NOT_CONFIGURED,
                provider=self.name,
            ) from None

    def __repr__(self) -> str:
        return f"Config({self.name!r}, offline={self.offline})"


def config(name: str) -> Config | None:
    """A provider's configuration; None when it has no key."""
    entry: dict[str, Any] = settings.LLM_PROVIDERS.get(name, {})
    if not entry.get("api_key"):
        return None
    offline = bool(entry.get("offline", False))
    return Config(
        name=name,
        api_key=entry["api_key"],
        base_url=entry.get("base_url", ""),
        models=entry.get("models", {}),
        offline=offline,
        effort=entry.get("effort", {}),
        # Reasoning counts towards the token limit of a call, so an answer needs room for it on top.
        reasoning_tokens=int(entry.get("reasoning_tokens", 0 if offline else 8_000)),
    )


def route(prefer: str = "") -> list[Config]:
    """The configured providers in the order to try them: the primary, and behind it the others if fallback is on.

    ``prefer`` moves one of these to the front. Raises ``LLMError`` when none is configured, or nothing has that name.
    """
    if prefer and prefer not in NAMES:
        raise LLMError(
            "provider_unknown",
            f"There is no provider {prefer!r} to prefer. Name one of {', '.join(sorted(NAMES))}, or none.",
            condition=Condition.NOT_CONFIGURED,
        )
    primary: str = settings.LLM_PRIMARY
    names = [primary]
    if settings.LLM_FALLBACK_ENABLED:
        names += [name for name in settings.LLM_PROVIDERS if name != primary]
    configs = [entry for entry in map(config, names) if entry is not None]
    if not configs:
        raise LLMError(
            "not_configured",
            "No language model can be asked: set ANTHROPIC_API_KEY or OPENAI_API_KEY, or neither for the offline demo.",
            condition=Condition.NOT_CONFIGURED,
        )
    return sorted(configs, key=lambda entry: entry.name != prefer)


def first(prefer: str = "") -> str | None:
    """The name of the provider that ``route`` puts first, None when there is none."""
    try:
        return route(prefer)[0].name
    except LLMError:
        return None


async def client(entry: Config) -> Provider:
    """The client for a configuration in the running event loop, made at first use.

    An SDK takes a second or more to import: that happens in a thread, lest other calls of the loop time out meanwhile.
    """
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    key = (entry.name, entry.base_url, entry.api_key)
    if key not in clients:
        make = await asyncio.to_thread(_classes[entry.name])
        await _close_with_the_loop(clients)
        if key not in clients:
            clients[key] = make(api_key=entry.api_key, base_url=entry.base_url)
    return clients[key]


async def _close_with_the_loop(clients: Clients) -> None:
    """Sees to it that these are closed when their loop shuts down, which closes the generators that run in it."""

    loop = asyncio.get_running_loop()
    if loop in _closers:
        return

    async def closer() -> AsyncIterator[None]:
        try:
            yield
        finally:
            _closers.pop(loop, None)
            while clients:
                await clients.popitem()[1].close()

    _closers[loop] = closer()  # kept here, for one that nobody holds is closed at once
    await anext(_closers[loop])


def preload() -> None:
    """Imports the SDKs of all configured providers: for a process that is about to fork workers."""
    for name in settings.LLM_PROVIDERS:
        if config(name) is not None:
            _classes[name]()


def _anthropic() -> type[Any]:
    import anthropic  # noqa: F401  # here, and not at first use in the loop

    from llm.providers.anthropic import AnthropicProvider

    return AnthropicProvider


def _openai() -> type[Any]:
    import openai  # noqa: F401

    from llm.providers.openai import OpenAIProvider

    return OpenAIProvider


# Functions, so that an SDK is imported when its provider is first asked and not before.
_classes: dict[str, Callable[[], type[Any]]] = {"anthropic": _anthropic, "openai": _openai}
NAMES = frozenset(_classes)
