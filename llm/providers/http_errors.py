"""An HTTP error of a provider, sorted by its condition. Pure.

Status alone does not tell: a 429 is a rate limit or an empty account, a 400 is a wrong request or a spend limit.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from llm.errors import Action, Condition, LLMError
from llm.providers import base

_ACCOUNT_CODES = re.compile(
    r"insufficient_quota|credit_balance|spend_limit|billing|account_deactivated|organization_on_hold|quota_exceeded"
)
_ACCOUNT_TEXT = re.compile(
    r"reached your specified api usage limits|credit balance is too low|exceeded your current quota", re.IGNORECASE
)
_CONTEXT_CODES = {"context_length_exceeded", "string_above_max_length"}
_CONTEXT_TEXT = re.compile(r"prompt is too long|maximum context length|context window", re.IGNORECASE)
_REFUSAL_CODES = {"content_filter", "content_policy_violation", "invalid_prompt"}
_SECRET = re.compile(r"\b(sk|key)-[\w*-]{4,}")
#: Conditions by the error type inside a body, for errors that arrive in the middle of a stream under HTTP 200.
_BY_TYPE = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "timeout_error": 504,
    "api_error": 500,
    "server_error": 500,
    "invalid_request_error": 400,
}
#: Seconds; a provider that asks for more is not asked again today.
MAX_RETRY_AFTER = 86_400.0


def sort(
    provider: str, status: int, *, kind: str = "", code: str = "", text: str = "", retry_after: float | None = None
) -> LLMError:
    """The error for an HTTP status with what its body says (``kind`` its type, ``code``, ``text`` its message)."""
    name = base.title(provider)
    said = _SECRET.sub("(key)", text)[:300]
    effective = status if status >= 400 else _BY_TYPE.get(kind, 500)

    def error(suffix: str, message: str, condition: Condition, action: Action) -> LLMError:
        return LLMError(
            suffix,
            message,
            condition=condition,
            action=action,
            provider=provider,
            http_status=status,
            retry_after=retry_after,
            # Under HTTP 200 tokens were already flowing when the error came.
            billed=False if status >= 400 else None,
        )

    if effective in (400, 402, 403, 429) and (_ACCOUNT_CODES.search(f"{kind} {code}") or _ACCOUNT_TEXT.search(text)):
        return error(
            "provider_quota",
            f"{name} refuses further calls for this account: its quota, credit or spend limit is used up. "
            f"Raise the limit or add credit with the provider. {said}".strip(),
            Condition.ACCOUNT,
            Action.FALL_BACK,
        )
    if effective in (401, 402, 403):
        return error(
            "provider_auth",
            f"{name} does not accept this key (HTTP {status}). Check {name.upper()}_API_KEY and what the key may do.",
            Condition.ACCOUNT,
            Action.FALL_BACK,
        )
    if effective == 404:
        return error(
            "model_not_found",
            f"{name} does not know this model or address (HTTP {status}). Check model id and base URL. {said}".strip(),
            Condition.ACCOUNT,
            Action.FALL_BACK,
        )
    if effective in (400, 413, 422) and (code in _CONTEXT_CODES or _CONTEXT_TEXT.search(text)):
        return base.context_exceeded(provider, http_status=status)
    if effective in (400, 403) and code in _REFUSAL_CODES:
        refusal = base.refused(provider, said, None, "")
        refusal.http_status, refusal.billed = status, False
        return refusal
    if effective == 429:
        return error(
            "rate_limited",
            f"{name} asks for fewer calls at the moment (HTTP {status}).",
            Condition.RATE_LIMITED,
            Action.RETRY,
        )
    if effective in (503, 529):
        return error(
            "provider_overloaded", f"{name} is overloaded (HTTP {status}).", Condition.OVERLOADED, Action.RETRY
        )
    if effective >= 500 or effective in (408, 409):
        return error("provider_error", f"{name} failed on its side (HTTP {status}).", Condition.TRANSIENT, Action.RETRY)
    return error(
        "bad_request",
        f"{name} rejects the request itself (HTTP {status}); sending it again cannot help. {said}".strip(),
        Condition.BAD_REQUEST,
        Action.GIVE_UP,
    )


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait as the response asks (0 to a day), None when it does not ask or asks for nonsense."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000, MAX_RETRY_AFTER)
    raw = headers.get("retry-after")
    if raw is None:
        return None
    seconds = _number(raw)
    if seconds is None:
        try:
            moment = parsedate_to_datetime(raw)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    return min(seconds, MAX_RETRY_AFTER)


def _number(raw: str | None) -> float | None:
    try:
        value = float(raw) if raw is not None else -1.0
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def describe(body: object) -> tuple[str, str, str]:
    """Type, code and message from an error body of either provider; empty strings for what is not there."""
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            details = inner.get("details")
            code = inner.get("code")
            if isinstance(details, Mapping):
                code = details.get("error_code") or code
            return str(inner.get("type") or ""), str(code or ""), str(inner.get("message") or "")
        return "", "", str(inner or "")
    return "", "", body if isinstance(body, str) else ""
