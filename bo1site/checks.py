"""System checks: a misconfiguration is named, with a hint, before anything runs."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def lease_outlives_heartbeat(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.LEASE_SECONDS < 3 * settings.HEARTBEAT_SECONDS:
        return [
            Error(
                "LEASE_SECONDS is shorter than three heartbeats.",
                hint="One late heartbeat would hand running sessions to another worker. Raise LEASE_SECONDS or lower "
                "HEARTBEAT_SECONDS.",
                id="bo1site.E001",
            )
        ]
    return []


@register()
def a_provider_is_configured(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    providers = settings.LLM_PROVIDERS
    if not providers[settings.LLM_PRIMARY]["api_key"]:
        return [
            Error(
                f"LLM_PRIMARY is {settings.LLM_PRIMARY!r}, but that provider has no API key.",
                hint=f"Set {settings.LLM_PRIMARY.upper()}_API_KEY, or name the other provider in LLM_PRIMARY.",
                id="bo1site.E002",
            )
        ]
    if settings.LLM_FALLBACK_ENABLED and not all(provider["api_key"] for provider in providers.values()):
        return [
            Warning(
                "Fallback is on, but only one provider has an API key.",
                hint="Set the other provider's key too, or set LLM_FALLBACK_ENABLED=0 to say that this is intended.",
                id="bo1site.W001",
            )
        ]
    return []


@register(deploy=True)
def production_names_its_hosts(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.PRODUCTION and settings.OFFLINE:
        return [
            Warning(
                "This deployment answers from the offline provider.",
                hint="Set ANTHROPIC_API_KEY or OPENAI_API_KEY; the offline provider is a demonstration.",
                id="bo1site.W002",
            )
        ]
    return []
