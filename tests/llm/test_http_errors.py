"""HTTP errors are sorted by what they mean, not by their status alone (LM4)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from llm.errors import Condition
from llm.providers.http_errors import MAX_RETRY_AFTER, describe, retry_after, sort

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e12"}, MAX_RETRY_AFTER),
        ({"retry-after-ms": "1500", "retry-after": "20"}, 1.5),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90.0),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=90), usegmt=True)}, 0.0),
    ],
)
def test_retry_after_is_read_in_every_form_and_nonsense_is_ignored(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "kind", "code", "text", "condition"),
    [
        (429, "rate_limit_error", "", "Number of request tokens has exceeded", Condition.RATE_LIMITED),
        (429, "rate_limit_error", "enforced_spend_limit_reached", "", Condition.ACCOUNT),
        (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota", Condition.ACCOUNT),
        (400, "invalid_request_error", "", "Your credit balance is too low to access", Condition.ACCOUNT),
        (400, "invalid_request_error", "", "prompt is too long: 210000 tokens > 200000", Condition.CONTEXT),
        (400, "invalid_request_error", "context_length_exceeded", "", Condition.CONTEXT),
        (400, "", "content_policy_violation", "", Condition.REFUSED),
        (413, "request_too_large", "", "", Condition.BAD_REQUEST),
        (418, "", "", "", Condition.BAD_REQUEST),
        (500, "api_error", "", "", Condition.TRANSIENT),
        (529, "overloaded_error", "", "", Condition.OVERLOADED),
        (503, "", "server_is_overloaded", "", Condition.OVERLOADED),
        (599, "", "", "", Condition.TRANSIENT),
        (200, "overloaded_error", "", "", Condition.OVERLOADED),
        (200, "rate_limit_error", "", "", Condition.RATE_LIMITED),
        (200, "something_new", "", "", Condition.TRANSIENT),
    ],
)
def test_an_error_is_sorted_by_its_condition(
    status: int, kind: str, code: str, text: str, condition: Condition
) -> None:
    assert sort("openai", status, kind=kind, code=code, text=text).condition is condition


def test_a_key_in_a_provider_message_is_not_passed_on() -> None:
    error = sort("openai", 404, text="Incorrect API key provided: sk-abcDEF123456789. See the docs.")
    assert "sk-abc" not in error.message


@pytest.mark.parametrize("body", [None, [], "gone", {"error": "text"}, {"error": {"details": "x"}}, {"error": None}])
def test_any_body_can_be_described(body: object) -> None:
    assert all(isinstance(part, str) for part in describe(body))
