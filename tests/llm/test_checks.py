"""Every misconfiguration is a system check with an id and a hint."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import run_checks

Change = Callable[[Any], None]


def set_models(value: Any) -> Change:
    return lambda settings: settings.LLM_PROVIDERS["anthropic"].update(models=value, offline=False)


CASES: list[tuple[str, Change]] = [
    ("llm.E001", lambda settings: settings.LLM_PROVIDERS.update(gemini={"api_key": ""})),
    ("llm.E002", lambda settings: setattr(settings, "LLM_PRIMARY", "gemini")),
    ("llm.E003", set_models({"core": "claude-sonnet-5-5"})),
    ("llm.E005", lambda settings: settings.LLM_PROVIDERS["openai"].update(base_url="https://api.example.com")),
    ("llm.E006", lambda settings: settings.LLM_PROVIDERS["openai"].update(concurrency=0)),
    ("llm.W001", set_models({"core": "nobody-priced-it", "fast": "claude-haiku-5-5"})),
    ("llm.W002", lambda settings: setattr(settings, "LLM_CALL_TIMEOUT", 999.0)),
]


@pytest.mark.parametrize(("identifier", "change"), CASES, ids=[case[0] for case in CASES])
def test_a_misconfiguration_is_named_with_a_hint(offline: Any, settings: Any, identifier: str, change: Change) -> None:
    change(settings)
    from llm import checks

    found = [
        message
        for check in (
            checks.providers_are_known,
            checks.every_tier_has_a_model,
            checks.every_model_has_a_price,
            checks.an_attempt_fits_the_deadline,
            checks.offline_means_the_offline_provider,
            checks.limits_are_usable,
        )
        for message in check(None)
    ]
    assert identifier in [message.id for message in found]
    assert all(message.hint for message in found)


def test_the_default_configuration_is_clean() -> None:
    assert [message for message in run_checks() if str(message.id).startswith("llm.")] == []
