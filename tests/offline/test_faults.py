"""Every way to misbehave, as each SDK sees it: what the broker's policy is tested against (LM1, LM2, LM4)."""

import json
import time
from collections.abc import Callable, Iterator

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import ToolParam
from openai.types.shared_params import ResponseFormatJSONSchema

from sessions.graph import schemas
from tests.offline.conftest import Running
from tests.offline.decisions import DECISIONS, prompt_of

PROMPT = prompt_of(DECISIONS["pricing"])
PROVIDERS = ("anthropic", "openai")
FORM: ResponseFormatJSONSchema = {
    "type": "json_schema",
    "json_schema": {"name": "Frame", "schema": schemas.Frame.model_json_schema()},
}
TOOL: ToolParam = {"name": "Frame", "input_schema": schemas.Frame.model_json_schema()}


def ask(server: Running, provider: str, timeout: float = 5.0) -> tuple[str, str | None]:
    """One unstreamed call: the answer's JSON text and why it stopped."""
    if provider == "anthropic":
        message = server.anthropic(timeout).messages.create(
            model="m",
            max_tokens=4000,
            messages=[{"role": "user", "content": PROMPT}],
            tools=[TOOL],
            tool_choice={"type": "tool", "name": "Frame"},
        )
        texts = [json.dumps(block.input) for block in message.content if block.type == "tool_use"]
        return "".join(texts), message.stop_reason
    completion = server.openai(timeout).chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": PROMPT}],
        response_format=FORM,
    )
    return completion.choices[0].message.content or "", completion.choices[0].finish_reason


def stream(server: Running, provider: str, timeout: float = 5.0) -> tuple[str, str | None]:
    """One streamed call: the text that came and the stop reason, None when the stream ended without one."""
    text, stop = "", None
    for piece, reason in _pieces(server, provider, timeout):
        text, stop = text + piece, reason or stop
    return text, stop


def _pieces(server: Running, provider: str, timeout: float) -> Iterator[tuple[str, str | None]]:
    if provider == "anthropic":
        for event in server.anthropic(timeout).messages.create(
            model="m", max_tokens=4000, messages=[{"role": "user", "content": PROMPT}], stream=True
        ):
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text, None
            elif event.type == "message_delta":
                yield "", event.delta.stop_reason
        return
    for chunk in server.openai(timeout).chat.completions.create(
        model="m", messages=[{"role": "user", "content": PROMPT}], stream=True
    ):
        for choice in chunk.choices:
            yield choice.delta.content or "", choice.finish_reason


BROKEN: dict[str, tuple[type[Exception], ...]] = {
    "anthropic": (anthropic.APIConnectionError, httpx2.HTTPError),
    "openai": (openai.APIConnectionError, httpx2.HTTPError),
}
CALLS: dict[str, Callable[..., tuple[str, str | None]]] = {"whole": ask, "streamed": stream}

STATUSES = [
    ("anthropic", 400, anthropic.BadRequestError, "invalid_request_error"),
    ("anthropic", 401, anthropic.AuthenticationError, "authentication_error"),
    ("anthropic", 402, anthropic.APIStatusError, "billing_error"),
    ("anthropic", 403, anthropic.PermissionDeniedError, "permission_error"),
    ("anthropic", 404, anthropic.NotFoundError, "not_found_error"),
    ("anthropic", 413, anthropic.APIStatusError, "request_too_large"),
    ("anthropic", 429, anthropic.RateLimitError, "rate_limit_error"),
    ("anthropic", 500, anthropic.InternalServerError, "api_error"),
    ("anthropic", 529, anthropic.APIStatusError, "overloaded_error"),
    ("openai", 400, openai.BadRequestError, "invalid_request_error"),
    ("openai", 401, openai.AuthenticationError, "invalid_request_error"),
    ("openai", 403, openai.PermissionDeniedError, "invalid_request_error"),
    ("openai", 404, openai.NotFoundError, "invalid_request_error"),
    ("openai", 429, openai.RateLimitError, "requests"),
    ("openai", 500, openai.InternalServerError, "server_error"),
    ("openai", 503, openai.InternalServerError, "server_error"),
]


@pytest.mark.parametrize(("provider", "status", "error", "kind"), STATUSES)
def test_a_status_comes_in_the_providers_own_envelope(
    offline: Running, provider: str, status: int, error: type[Exception], kind: str
) -> None:
    offline.fault(provider=provider, kind="status", status=status, retry_after=7)
    for call in CALLS.values():
        with pytest.raises(error) as raised:
            call(offline, provider)
        seen = raised.value
        assert isinstance(seen, anthropic.APIStatusError | openai.APIStatusError)
        assert (seen.status_code, seen.type) == (status, kind)
        assert seen.response.headers["retry-after"] == "7"
        assert seen.request_id


def test_a_status_can_carry_another_code_and_message(offline: Running) -> None:
    offline.fault(provider="openai", kind="status", status=429, body={"code": "insufficient_quota"})
    with pytest.raises(openai.RateLimitError) as quota:
        ask(offline, "openai")
    assert (quota.value.code, quota.value.type) == ("insufficient_quota", "insufficient_quota")
    body = {"code": "contract_spend_limit_reached", "message": "You have reached your specified API usage limits."}
    offline.fault(provider="anthropic", kind="status", status=429, body=body)
    with pytest.raises(anthropic.RateLimitError) as limit:
        ask(offline, "anthropic")
    assert limit.value.error_code == "contract_spend_limit_reached"
    assert "usage limits" in str(limit.value)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_overload_can_strike_in_the_middle_of_a_stream(offline: Running, provider: str) -> None:
    offline.fault(provider=provider, kind="status", status=503, mid_stream=True)
    with pytest.raises((anthropic.APIError, openai.APIError)):
        stream(offline, provider)


@pytest.mark.parametrize("how", CALLS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_disconnect_closes_without_a_response(offline: Running, provider: str, how: str) -> None:
    offline.fault(provider=provider, kind="disconnect")
    with pytest.raises(BROKEN[provider]):
        CALLS[how](offline, provider)


@pytest.mark.parametrize("how", CALLS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reset_breaks_off_in_the_middle_of_the_body(offline: Running, provider: str, how: str) -> None:
    offline.fault(provider=provider, kind="reset")
    with pytest.raises(BROKEN[provider]):
        CALLS[how](offline, provider)


@pytest.mark.parametrize("how", CALLS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stall_sends_headers_and_then_nothing(offline: Running, provider: str, how: str) -> None:
    offline.fault(provider=provider, kind="stall")
    begun = time.monotonic()
    with pytest.raises((*BROKEN[provider], httpx2.ReadTimeout)):
        CALLS[how](offline, provider, timeout=0.4)
    assert time.monotonic() - begun >= 0.4


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_truncated_stream_ends_without_an_error_and_without_a_stop_reason(offline: Running, provider: str) -> None:
    whole, _ = stream(offline, provider)
    offline.fault(provider=provider, kind="truncate")
    text, stop = stream(offline, provider)
    assert stop is None
    assert text
    assert whole.startswith(text)
    assert len(text) < len(whole)


@pytest.mark.parametrize("kind", ["truncate", "malformed"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_body_that_is_not_whole_json_is_not_read_as_an_answer(offline: Running, provider: str, kind: str) -> None:
    offline.fault(provider=provider, kind=kind)
    with pytest.raises((json.JSONDecodeError, anthropic.APIError, openai.APIError)):
        ask(offline, provider)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_malformed_event_breaks_the_stream(offline: Running, provider: str) -> None:
    offline.fault(provider=provider, kind="malformed")
    with pytest.raises((json.JSONDecodeError, anthropic.APIError, openai.APIError)):
        stream(offline, provider)


@pytest.mark.parametrize("how", CALLS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_empty_answer_is_well_formed(offline: Running, provider: str, how: str) -> None:
    offline.fault(provider=provider, kind="empty")
    assert CALLS[how](offline, provider) == ("", "end_turn" if provider == "anthropic" else "stop")


def test_a_refusal_is_what_each_provider_makes_of_it(offline: Running) -> None:
    for provider in PROVIDERS:
        offline.fault(provider=provider, kind="refusal")
    assert ask(offline, "anthropic") == ("", "refusal")
    assert stream(offline, "anthropic") == ("", "refusal")
    completion = offline.openai().chat.completions.create(model="m", messages=[{"role": "user", "content": PROMPT}])
    assert completion.choices[0].message.refusal
    assert completion.choices[0].message.content is None


def test_the_content_filter_stops_an_openai_answer(offline: Running) -> None:
    offline.fault(provider="openai", kind="refusal", body={"code": "content_filter"})
    assert ask(offline, "openai") == ("", "content_filter")
    assert stream(offline, "openai") == ("", "content_filter")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_max_tokens_cuts_the_answer_and_says_so(offline: Running, provider: str) -> None:
    offline.fault(provider=provider, kind="max_tokens")
    text, stop = stream(offline, provider)
    assert text
    assert stop == ("max_tokens" if provider == "anthropic" else "length")


def test_a_prompt_beyond_the_context_window_stops_anthropic_and_is_rejected_by_openai(offline: Running) -> None:
    offline.fault(provider="anthropic", kind="context")
    offline.fault(provider="openai", kind="context")
    text, stop = stream(offline, "anthropic")
    assert text
    assert stop == "model_context_window_exceeded"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(offline, "openai")
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_bad_schema_is_json_that_does_not_fit(offline: Running, provider: str) -> None:
    offline.fault(provider=provider, kind="bad_schema")
    text, _ = ask(offline, provider)
    value = json.loads(text)
    assert "unexpected" in value
    with pytest.raises(ValueError, match="validation errors"):
        schemas.Frame.model_validate(value)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_delay_is_late_and_right(offline: Running, provider: str) -> None:
    offline.fault(provider=provider, kind="delay", seconds=0.3)
    begun = time.monotonic()
    text, _ = ask(offline, provider)
    assert time.monotonic() - begun >= 0.3
    assert schemas.Frame.model_validate_json(text)


def outcomes(server: Running, calls: int, provider: str = "anthropic") -> str:
    """One letter a call: "x" harmed, "." answered."""
    found = ""
    for _ in range(calls):
        try:
            ask(server, provider)
            found += "."
        except (anthropic.APIStatusError, openai.APIStatusError):
            found += "x"
    return found


def test_a_fault_hits_only_its_provider(offline: Running) -> None:
    offline.fault(provider="anthropic", kind="status", status=500)
    assert (outcomes(offline, 1), outcomes(offline, 1, "openai")) == ("x", ".")


def test_a_fault_ends_after_its_count(offline: Running) -> None:
    offline.fault(provider="anthropic", kind="status", status=500, count=2)
    assert outcomes(offline, 4) == "xx.."


def test_a_fault_can_let_some_pass_first_and_then_hit_every_second(offline: Running) -> None:
    offline.fault(provider="anthropic", kind="status", status=500, after=2, every=2)
    assert outcomes(offline, 7) == "..x.x.x"


def test_a_fault_hits_only_requests_that_match(offline: Running) -> None:
    offline.fault(provider="anthropic", kind="status", status=500, match="no such text")
    offline.fault(provider="anthropic", kind="status", status=500, match="bookkeeping app", count=1)
    assert outcomes(offline, 2) == "x."


def test_a_fault_ends_with_its_time(offline: Running) -> None:
    offline.fault(provider="anthropic", kind="status", status=500, for_seconds=0.4)
    assert outcomes(offline, 1) == "x"
    end = time.monotonic() + 5
    while outcomes(offline, 1) == "x":
        assert time.monotonic() < end
    listed = offline.http.get("/faults").json()["faults"]
    assert (listed[0]["active"], listed[0]["remaining_seconds"]) == (False, 0.0)


def test_faults_are_listed_with_their_counts_and_can_be_cleared(offline: Running) -> None:
    first = offline.fault(provider="anthropic", kind="status", status=500, count=1)
    offline.fault(provider="openai", kind="stall")
    outcomes(offline, 2)
    listed = offline.http.get("/faults").json()["faults"]
    assert [(one["provider"], one["hit"], one["active"]) for one in listed] == [
        ("anthropic", 1, False),
        ("openai", 0, True),
    ]
    assert offline.http.delete(f"/faults/{first['id']}").json() == {"removed": 1}
    assert offline.http.delete("/faults?provider=openai").json() == {"removed": 1}
    assert offline.http.get("/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    ("definition", "remedy"),
    [
        ("text", "Send a JSON object"),
        ({"provider": "both", "kind": "stall"}, "anthropic or openai"),
        ({"provider": "openai", "kind": "explode"}, "must be one of status"),
        ({"provider": "openai", "kind": "status"}, "400 to 599"),
        ({"provider": "openai", "kind": "status", "status": 200}, "400 to 599"),
        ({"provider": "openai", "kind": "stall", "status": 500}, 'goes with kind "status"'),
        ({"provider": "openai", "kind": "delay"}, "needs `seconds`"),
        ({"provider": "openai", "kind": "empty", "count": 0}, "`count` must be a whole number"),
        ({"provider": "openai", "kind": "empty", "every": True}, "`every` must be a whole number"),
        ({"provider": "openai", "kind": "empty", "after": -1}, "`after` must be a whole number"),
        ({"provider": "openai", "kind": "empty", "for_seconds": "long"}, "`for_seconds` must be a number"),
        ({"provider": "openai", "kind": "empty", "match": 3}, "`match` must be a text"),
        (
            {"provider": "openai", "kind": "status", "status": 429, "body": {"colour": "red"}},
            "`body` must be an object",
        ),
        ({"provider": "openai", "kind": "empty", "minutes": 3}, "Unknown field minutes"),
    ],
)
def test_a_bad_definition_says_what_to_do(offline: Running, definition: object, remedy: str) -> None:
    response = offline.http.post("/faults", json=definition)
    assert response.status_code == 400
    assert remedy in response.json()["error"]
    assert set(response.json()["hint"]) == {"fields", "kinds"}


def test_a_harmed_request_is_counted_as_such(offline: Running) -> None:
    offline.fault(provider="anthropic", kind="status", status=529, count=1)
    outcomes(offline, 2)
    stats = offline.stats()
    assert (stats["outcomes"], stats["schemas"]) == ({"status": 1, "answered": 1}, {"Frame": 2})
