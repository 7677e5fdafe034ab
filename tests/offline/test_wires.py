"""Both APIs as their official SDKs see them, over real HTTP (LM4, LM6, LM8)."""

import json

import anthropic
import openai
import pytest
from pydantic import BaseModel

from sessions.graph import schemas
from tests.offline.conftest import Running
from tests.offline.decisions import DECISIONS, persona_of, prompt_of

PROMPT = prompt_of(DECISIONS["hiring"])
STEPS = (schemas.Frame, schemas.Decomposition, schemas.Position, schemas.Vote, schemas.Memo, schemas.ActionPlan)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_anthropic_answers_in_an_output_format(offline: Running, step: type[BaseModel]) -> None:
    message = offline.anthropic().messages.parse(
        model="offline-core", max_tokens=4000, messages=[{"role": "user", "content": PROMPT}], output_format=step
    )
    assert isinstance(message.parsed_output, step)
    assert (message.model, message.stop_reason) == ("offline-core", "end_turn")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_anthropic_answers_through_a_forced_tool(offline: Running, step: type[BaseModel]) -> None:
    message = offline.anthropic().messages.create(
        model="any-model-id",
        max_tokens=4000,
        system=persona_of(0),
        messages=[{"role": "user", "content": PROMPT}],
        tools=[{"name": "answer", "description": "The answer", "input_schema": step.model_json_schema()}],
        tool_choice={"type": "tool", "name": "answer"},
    )
    block = message.content[0]
    assert block.type == "tool_use"
    assert step.model_validate(block.input)
    assert (message.model, message.stop_reason) == ("any-model-id", "tool_use")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_openai_answers_in_a_strict_json_schema(offline: Running, step: type[BaseModel]) -> None:
    completion = offline.openai().chat.completions.parse(
        model="offline-fast", messages=[{"role": "user", "content": PROMPT}], response_format=step
    )
    assert isinstance(completion.choices[0].message.parsed, step)
    assert (completion.model, completion.choices[0].finish_reason) == ("offline-fast", "stop")


def test_openai_answers_through_a_forced_tool(offline: Running) -> None:
    completion = offline.openai().chat.completions.create(
        model="offline-core",
        messages=[{"role": "developer", "content": persona_of(2)}, {"role": "user", "content": PROMPT}],
        tools=[{"type": "function", "function": {"name": "Vote", "parameters": schemas.Vote.model_json_schema()}}],
        tool_choice={"type": "function", "function": {"name": "Vote"}},
    )
    choice = completion.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls
    call = choice.message.tool_calls[0]
    assert call.type == "function"
    assert schemas.Vote.model_validate_json(call.function.arguments)


def test_anthropic_streams_the_same_answer_it_gives_whole(offline: Running) -> None:
    client = offline.anthropic()
    whole = client.messages.parse(
        model="m", max_tokens=4000, messages=[{"role": "user", "content": PROMPT}], output_format=schemas.Memo
    )
    with client.messages.stream(
        model="m", max_tokens=4000, messages=[{"role": "user", "content": PROMPT}], output_format=schemas.Memo
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert final.parsed_output == whole.parsed_output
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"


def test_anthropic_streams_a_tool_call(offline: Running) -> None:
    with offline.anthropic().messages.stream(
        model="m",
        max_tokens=4000,
        messages=[{"role": "user", "content": PROMPT}],
        tools=[{"name": "Frame", "input_schema": schemas.Frame.model_json_schema()}],
        tool_choice={"type": "any"},
    ) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "tool_use"
    block = final.content[0]
    assert block.type == "tool_use"
    assert schemas.Frame.model_validate(block.input)


def test_openai_streams_the_same_answer_and_its_usage(offline: Running) -> None:
    client = offline.openai()
    whole = client.chat.completions.parse(
        model="m", messages=[{"role": "user", "content": PROMPT}], response_format=schemas.Memo
    )
    with client.chat.completions.stream(
        model="m",
        messages=[{"role": "user", "content": PROMPT}],
        response_format=schemas.Memo,
        stream_options={"include_usage": True},
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == whole.choices[0].message.parsed
    assert final.usage is not None
    assert whole.usage is not None
    assert final.usage.completion_tokens == whole.usage.completion_tokens


def test_both_wires_give_the_same_answer_to_the_same_ask(offline: Running) -> None:
    one = offline.anthropic().messages.parse(
        model="m", max_tokens=4000, messages=[{"role": "user", "content": PROMPT}], output_format=schemas.Memo
    )
    other = offline.openai().chat.completions.parse(
        model="m", messages=[{"role": "user", "content": PROMPT}], response_format=schemas.Memo
    )
    assert one.parsed_output == other.choices[0].message.parsed


def test_anthropic_counts_a_marked_prefix_as_written_and_then_as_read(offline: Running) -> None:
    client = offline.anthropic()
    system = "The rules of the board. " * 400

    def usage() -> anthropic.types.Usage:
        return client.messages.create(
            model="cache",
            max_tokens=100,
            system=[{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": PROMPT}],
        ).usage

    first, second = usage(), usage()
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (2400, 0)
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, 2400)
    assert second.input_tokens == first.input_tokens


def test_openai_counts_a_known_prefix_as_cached(offline: Running) -> None:
    client = offline.openai()

    def cached(ending: str) -> int | None:
        completion = client.chat.completions.create(
            model="cache", messages=[{"role": "user", "content": "The rules of the board. " * 400 + ending}]
        )
        assert completion.usage is not None
        assert completion.usage.prompt_tokens_details is not None
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
        return completion.usage.prompt_tokens_details.cached_tokens

    assert cached("First question?") == 0
    known = cached("Another question?")
    assert known is not None
    assert known >= 1024
    assert known % 128 == 0


def test_an_answer_longer_than_max_tokens_is_cut_and_says_so(offline: Running) -> None:
    message = offline.anthropic().messages.create(
        model="m", max_tokens=20, messages=[{"role": "user", "content": PROMPT}]
    )
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 20)
    completion = offline.openai().chat.completions.create(
        model="m", max_completion_tokens=20, messages=[{"role": "user", "content": PROMPT}]
    )
    assert completion.choices[0].finish_reason == "length"


def test_both_list_their_models(offline: Running) -> None:
    assert [model.id for model in offline.anthropic().models.list()] == ["offline-fast", "offline-core"]
    assert [model.id for model in offline.openai().models.list()] == ["offline-fast", "offline-core"]
    assert offline.anthropic().models.retrieve("anything").id == "anything"


def test_a_request_without_a_key_is_refused_as_the_real_ones_do(offline: Running) -> None:
    one = offline.http.post("/anthropic/v1/messages", json={})
    other = offline.http.post("/openai/v1/chat/completions", json={})
    assert (one.status_code, one.json()["error"]["type"]) == (401, "authentication_error")
    assert (other.status_code, other.json()["error"]["code"]) == (401, "invalid_api_key")


def test_a_wrong_request_gets_the_providers_own_error(offline: Running) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        offline.anthropic().messages.create(model="m", max_tokens=10, messages=[])
    assert refused.value.type == "invalid_request_error"
    assert refused.value.request_id
    with pytest.raises(openai.BadRequestError) as rejected:
        offline.openai().chat.completions.create(model="m", messages=[])
    assert rejected.value.type == "invalid_request_error"
    assert rejected.value.request_id


def test_a_schema_the_real_api_would_refuse_is_refused_here(offline: Running) -> None:
    raw = schemas.Frame.model_json_schema()
    with pytest.raises(anthropic.BadRequestError, match=r"maxLength|minLength|maximum|minItems"):
        offline.anthropic().messages.create(
            model="m",
            max_tokens=100,
            messages=[{"role": "user", "content": PROMPT}],
            output_config={"format": {"type": "json_schema", "schema": raw}},
        )
    lax: dict[str, object] = {"type": "object", "properties": {"a": {"type": "string"}}}
    with pytest.raises(openai.BadRequestError, match="additionalProperties"):
        offline.openai().chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": PROMPT}],
            response_format={"type": "json_schema", "json_schema": {"name": "lax", "schema": lax, "strict": True}},
        )


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"text"', b"\xff\xfe", b"[" * 5000])
def test_a_body_that_is_no_request_gets_a_400(offline: Running, body: bytes) -> None:
    for path in ("/anthropic/v1/messages", "/openai/v1/chat/completions"):
        headers = {"x-api-key": "k", "authorization": "Bearer k"}
        response = offline.http.post(path, content=body, headers=headers)
        assert response.status_code == 400, path
        assert "error" in response.json()


@pytest.mark.parametrize(
    "content", [3, [1], [{"type": "text", "text": 3}], {"a": 1}, [{"content": [{"content": [None]}]}], None]
)
def test_strange_message_content_never_breaks_the_server(offline: Running, content: object) -> None:
    body = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": content}]}
    for path in ("/anthropic/v1/messages", "/openai/v1/chat/completions"):
        response = offline.http.post(path, json=body, headers={"x-api-key": "k", "authorization": "Bearer k"})
        assert response.status_code in (200, 400), (path, response.text)


def test_an_unknown_path_says_which_there_are(offline: Running) -> None:
    assert "/faults" in offline.http.get("/nowhere").json()["hint"]
    assert offline.http.post("/anthropic/v1/complete").json()["type"] == "error"
    assert offline.http.get("/openai/v1/chat/completions").status_code == 405


def test_the_counts_name_every_request_once(offline: Running) -> None:
    client = offline.openai()
    for model in ("one", "two", "two"):
        client.chat.completions.parse(
            model=model, messages=[{"role": "user", "content": PROMPT}], response_format=schemas.Frame
        )
    stats = json.loads(offline.http.get("/stats?recent=2").text)
    assert (stats["total"], stats["requests"], stats["schemas"]) == (3, {"openai": 3}, {"Frame": 3})
    assert (stats["distinct"], list(stats["repeated"].values()), stats["in_flight"]) == (2, [2], 0)
    assert [record["model"] for record in stats["recent"]] == ["two", "two"]
