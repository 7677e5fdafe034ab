"""The exceptions that escape the official SDKs, turned into errors with a condition.

Both SDKs share one generator and therefore class names. Faults in the middle of a body do not come as their own
exceptions but as those of httpx2 or of the JSON decoder. The transport below httpx2 is aiohttp's, which both SDKs
offer: it costs half the CPU of their default one, which looks at every open connection before each call.
"""

import json
from types import ModuleType

from llm.errors import LLMError
from llm.providers import base, http_errors


def translate(name: str, sdk: ModuleType, error: Exception, timeout: float) -> LLMError | None:
    """The error to raise instead, None for one that is a fault of our own. ``timeout`` is the attempt's, in seconds."""
    import aiohttp
    import httpx2

    if isinstance(error, sdk.APIStatusError):
        kind, code, text = http_errors.describe(error.body)
        wait = http_errors.retry_after(error.response.headers)
        return http_errors.sort(name, error.status_code, kind=kind, code=code, text=text, retry_after=wait)
    cause = error.__cause__ or error
    if isinstance(cause.__cause__, aiohttp.ClientConnectorError):
        return base.unreachable(name, _short(cause.__cause__))
    if _was_lost(cause.__cause__):
        return base.unreachable(name, _short(cause), billed=None)
    if isinstance(cause, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return base.unreachable(name, "no connection in time")
    if isinstance(error, sdk.APITimeoutError | httpx2.TimeoutException) or isinstance(cause, httpx2.TimeoutException):
        return base.timed_out(name, timeout)
    if isinstance(cause, httpx2.ConnectError):
        return base.unreachable(name, _short(cause))
    if isinstance(error, sdk.APIConnectionError):
        return base.unreachable(name, _short(cause), billed=None)
    if isinstance(error, sdk.APIResponseValidationError | httpx2.HTTPError | json.JSONDecodeError | UnicodeDecodeError):
        return base.broken(name, _short(error))
    if isinstance(error, sdk.APIError):  # an error event in the middle of a stream
        kind, code, text = http_errors.describe(error.body)
        return http_errors.sort(name, 200, kind=kind, code=code, text=text)
    return None


def _was_lost(reason: BaseException | None) -> bool:
    """Whether a connection broke that had been made: the SDKs report that like one which never was, each in its way."""
    import aiohttp

    return isinstance(reason, aiohttp.ClientConnectionError) and not isinstance(reason, aiohttp.ServerTimeoutError)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:120]}".rstrip(": ")
