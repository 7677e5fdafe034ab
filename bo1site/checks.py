"""System checks: a misconfiguration is named, with a hint, before anything runs."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from bo1site.observability import tracing


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


@register()
def a_runner_ends_before_the_queue_gives_up_on_it(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    limit = float(str(settings.Q_CLUSTER["timeout"]))
    longest = settings.RUNNER_LIFE + settings.RUNNER_GRACE + settings.LLM_TOTAL_DEADLINE
    if longest >= limit:
        return [
            Error(
                f"A runner may live for {longest:.0f} s; the queue kills it after {limit:.0f} s.",
                hint="Lower RUNNER_LIFE or LLM_TOTAL_DEADLINE: life, grace and the longest call must end before that.",
                id="bo1site.E003",
            )
        ]
    return []


@register()
def a_queue_in_redis_has_a_redis(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.QUEUE == "redis" and not settings.REDIS_URL:
        return [
            Error(
                "QUEUE is redis, but REDIS_URL is not set.",
                hint="Set REDIS_URL, or unset QUEUE: the queue in the database needs nothing else.",
                id="bo1site.E005",
            )
        ]
    return []


@register()
def traces_can_be_sent(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.TRACING and not tracing.installed():
        return [
            Error(
                "TRACING is on, but OpenTelemetry is not installed.",
                hint=f"pip install {' '.join(tracing.PACKAGES)}, or unset TRACING.",
                id="bo1site.E004",
            )
        ]
    return []


@register()
def limits_of_the_database_fit_together(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for statement, lock in (
        ("STATEMENT_TIMEOUT", "LOCK_TIMEOUT"),
        ("INTERACTIVE_STATEMENT_TIMEOUT", "INTERACTIVE_LOCK_TIMEOUT"),
    ):
        if 0 < getattr(settings, statement) <= getattr(settings, lock):
            found.append(
                Warning(
                    f"{lock} is not shorter than {statement}.",
                    hint=f"What waits for a lock is then cut by {statement}, which is never tried again. Lower {lock}.",
                    id="bo1site.W003",
                )
            )
    if settings.SHED_WAIT_SECONDS >= settings.DATABASE_QUEUE_SECONDS:
        found.append(
            Warning(
                "SHED_WAIT_SECONDS is not shorter than DATABASE_QUEUE_SECONDS.",
                hint="Requests then run out of patience before new work is turned away. Lower SHED_WAIT_SECONDS.",
                id="bo1site.W004",
            )
        )
    return found


@register()
def the_replica_is_another_server(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    where = ("HOST", "PORT", "NAME")
    replica, primary = settings.DATABASES.get("replica"), settings.DATABASES["default"]
    if replica and all(replica[part] == primary[part] for part in where):
        return [
            Warning(
                "DATABASE_REPLICA_URL names the same database as DATABASE_URL.",
                hint="Name a streaming replica, or unset it: a second pool on the primary gains nothing.",
                id="bo1site.W005",
            )
        ]
    return []


@register(deploy=True)
def somebody_may_read_the_figures(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.PRODUCTION and not settings.METRICS_TOKEN and not settings.METRICS_LOOPBACK:
        return [
            Warning(
                "Prometheus cannot read /metrics: METRICS_TOKEN is not set.",
                hint="Set METRICS_TOKEN and have Prometheus send it, or set METRICS_LOOPBACK=1 when it asks from this "
                "machine and through no proxy.",
                id="bo1site.W006",
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
