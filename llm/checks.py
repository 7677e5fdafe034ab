"""Misconfigurations of the broker, each with an id and a hint."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from llm import pricing
from llm.providers import registry

TIERS = ("fast", "core")
_LOCAL = {"localhost", "127.0.0.1", "::1"}


@register()
def providers_are_known(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    unknown = sorted(set(settings.LLM_PROVIDERS) - registry.NAMES)
    if unknown:
        found.append(
            Error(
                f"LLM_PROVIDERS names providers nobody can speak to: {', '.join(unknown)}.",
                hint=f"Known are: {', '.join(sorted(registry.NAMES))}.",
                id="llm.E001",
            )
        )
    if settings.LLM_PRIMARY not in settings.LLM_PROVIDERS:
        found.append(
            Error(
                f"LLM_PRIMARY is {settings.LLM_PRIMARY!r}, which LLM_PROVIDERS does not describe.",
                hint=f"Name one of: {', '.join(sorted(settings.LLM_PROVIDERS))}.",
                id="llm.E002",
            )
        )
    return found


@register()
def every_tier_has_a_model(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{name} has no model for the tier {tier!r}.",
            hint=f"Set {name.upper()}_MODEL_{tier.upper()} to a model id of that provider.",
            id="llm.E003",
        )
        for name in settings.LLM_PROVIDERS
        if (entry := registry.config(name)) is not None
        for tier in TIERS
        if not entry.models.get(tier)
    ]


@register()
def every_model_has_a_price(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not pricing.prices().models:
        return [
            Error(
                "The price list cannot be read, so every cost is unknown.",
                hint=f"Mend {pricing.PRICE_LIST.name} in the llm package; the log names the fault.",
                id="llm.E004",
            )
        ]
    return [
        Warning(
            f"The model {model!r} of {name} has no price: its costs are shown as unknown.",
            hint="Add it to llm/prices.json with its date and source. Until then it counts at the dearest listed price "
            "against a session's cap.",
            id="llm.W001",
        )
        for name in settings.LLM_PROVIDERS
        if (entry := registry.config(name)) is not None and not entry.offline
        for model in sorted(set(entry.models.values()))
        if pricing.find(model) is None
    ]


@register()
def an_attempt_fits_the_deadline(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.LLM_CALL_TIMEOUT > settings.LLM_TOTAL_DEADLINE:
        return [
            Warning(
                "LLM_CALL_TIMEOUT is longer than LLM_TOTAL_DEADLINE.",
                hint="One attempt can then use up the time of all attempts. Lower the first or raise the second.",
                id="llm.W002",
            )
        ]
    return []


@register()
def offline_means_the_offline_provider(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Fire drills and free prices trust this flag."""
    base = str(settings.OFFLINE_URL).rstrip("/") + "/"
    return [
        Error(
            f"{name} is marked offline, but its base URL is not under OFFLINE_URL.",
            hint="Point its base_url at the offline provider, or set its 'offline' to False.",
            id="llm.E005",
        )
        for name in settings.LLM_PROVIDERS
        if (entry := registry.config(name)) is not None and entry.offline and not entry.base_url.startswith(base)
    ]


@register()
def limits_are_usable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, entry in settings.LLM_PROVIDERS.items():
        limits: dict[str, Any] = entry
        if int(limits.get("concurrency", 1)) < 1 or float(limits.get("rate", 0)) < 0 or int(limits.get("burst", 1)) < 1:
            found.append(
                Error(
                    f"The limits of {name} let no call through.",
                    hint="concurrency and burst are at least 1; rate is in calls a second, 0 for any.",
                    id="llm.E006",
                )
            )
    return found


@register(deploy=True)
def keys_travel_encrypted(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        Warning(
            f"The key of {name} is sent over plain HTTP.",
            hint=f"Use an https:// address in {name.upper()}_BASE_URL.",
            id="llm.W003",
        )
        for name in settings.LLM_PROVIDERS
        if (entry := registry.config(name)) is not None
        and not entry.offline
        and entry.base_url.startswith("http://")
        and urlsplit(entry.base_url).hostname not in _LOCAL
    ]
