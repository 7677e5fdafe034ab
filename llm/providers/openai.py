"""OpenAI's Chat Completions API through the official SDK."""

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, Field, ValidationError

from llm.errors import LLMError
from llm.providers import base, sdk_errors
from llm.providers.base import Ask, Reply
from llm.structured import json_schema, schema_name
from llm.types import Usage

if TYPE_CHECKING:
    from openai import Omit
    from openai.types.chat import ChatCompletionMessageParam
    from openai.types.shared import ReasoningEffort
    from openai.types.shared_params import ResponseFormatJSONSchema

NAME = "openai"


class _Details(BaseModel):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Counts(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Details | None = None


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Completion(BaseModel):
    """What of a response counts."""

    model: str
    choices: list[_Choice] = Field(min_length=1)
    usage: _Counts | None = None


class OpenAIProvider:
    """Structured answers use the ``json_schema`` response format, strict where the schema allows it.

    ``Ask.temperature`` is sent only with effort ``none``: reasoning models reject it otherwise.
    """

    def __init__(self, *, api_key: str, base_url: str) -> None:
        import openai

        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url or None,
            max_retries=0,
            timeout=60.0,
            http_client=openai.DefaultAioHttpClient(),
        )
        self._create = self._client.chat.completions.with_raw_response.create

    async def ask(self, ask: Ask) -> Reply:
        import openai

        try:
            return await (self._streamed(ask) if ask.stream else self._whole(ask))
        except LLMError:
            raise
        except Exception as error:
            known = sdk_errors.translate(NAME, openai, error, ask.timeout)
            if known is None:
                raise
            raise known from error

    async def close(self) -> None:
        await self._client.close()

    async def _whole(self, ask: Ask) -> Reply:
        response = await self._create(**_parameters(ask))
        return _read(response.content)

    async def _streamed(self, ask: Ask) -> Reply:
        stream = await self._client.chat.completions.create(
            **_parameters(ask), stream=True, stream_options={"include_usage": True}
        )
        model, finish, refusal, usage = ask.model, "", "", None
        parts: list[str] = []
        async with stream:
            try:
                async for chunk in stream:
                    model = chunk.model or model
                    usage = _usage(chunk.usage) if chunk.usage else usage
                    for choice in chunk.choices[:1]:
                        piece = choice.delta.content or ""
                        parts.append(piece)
                        if ask.on_text is not None:
                            ask.on_text(piece)
                        refusal += choice.delta.refusal or ""
                        finish = choice.finish_reason or finish
            except (AttributeError, TypeError, ValueError) as error:
                raise base.broken(NAME, "the stream has not the documented form") from error
        if not finish:  # the SDK takes a cut stream for a whole one
            raise base.broken(NAME, "the stream ended without a finish reason")
        return _reply("".join(parts), finish, refusal, usage, model)


def _read(body: bytes) -> Reply:
    """The answer in a response's body. The SDK builds all of its objects and checks none; this checks what counts."""
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        raise base.broken(NAME, "the response has not the documented form") from error
    choice, usage = completion.choices[0], completion.usage
    said = choice.message
    return _reply(
        said.content or "",
        choice.finish_reason or "",
        said.refusal or "",
        _usage(usage) if usage else None,
        completion.model,
    )


def _reply(text: str, finish: str, refusal: str, usage: Usage | None, model: str) -> Reply:
    if refusal:
        raise base.refused(NAME, refusal, usage, model)
    if finish == "content_filter":
        raise base.refused(NAME, "a content filter stopped the answer", usage, model)
    if finish == "length":
        raise base.cut(NAME, usage, model)
    if finish != "stop":
        raise base.broken(NAME, f"unexpected finish reason {finish!r}")
    return Reply(text=text, model=model, usage=usage)


def _usage(usage: Any) -> Usage:
    """OpenAI counts cached tokens into the prompt's total; here the four counts do not overlap."""
    details = usage.prompt_tokens_details
    read = int((details.cached_tokens if details else None) or 0)
    written = int((getattr(details, "cache_write_tokens", None) if details else None) or 0)
    return Usage(
        input_tokens=max(0, int(usage.prompt_tokens) - read - written),
        output_tokens=int(usage.completion_tokens),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _parameters(ask: Ask) -> dict[str, Any]:
    """What both ways of asking send. Messages and format go past the SDK's walk through every part of a typed
    parameter, which costs as much as sending the request."""
    return {
        "model": ask.model,
        "messages": (),
        "max_completion_tokens": ask.max_tokens + ask.reasoning_tokens,
        "extra_body": {"messages": _messages(ask), "response_format": _format(ask.schema)},
        "reasoning_effort": _effort(ask),
        "temperature": _temperature(ask),
        "timeout": base.timeout(ask),
    }


def _messages(ask: Ask) -> "list[ChatCompletionMessageParam]":
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": ask.system},
        {"role": "user", "content": ask.prompt},
    ]
    if ask.repair is not None:
        messages.append({"role": "assistant", "content": ask.repair.answer or "(empty)"})
        messages.append({"role": "user", "content": ask.repair.instruction})
    return messages


def _effort(ask: Ask) -> "ReasoningEffort | Omit":
    import openai

    return cast("ReasoningEffort", ask.effort) if ask.effort else openai.omit


def _temperature(ask: Ask) -> "float | Omit":
    import openai

    return ask.temperature if ask.temperature is not None and ask.effort == "none" else openai.omit


@cache
def _format(schema: type[BaseModel]) -> "ResponseFormatJSONSchema":
    strict = _closed(json_schema(schema))
    return {
        "type": "json_schema",
        "json_schema": {
            "name": schema_name(schema),
            "description": (schema.__doc__ or "").strip()[:500],
            "schema": _strict_schema(schema) if strict else json_schema(schema),
            "strict": strict,
        },
    }


def _strict_schema(schema: type[BaseModel]) -> dict[str, object]:
    from openai.lib._pydantic import to_strict_json_schema

    return to_strict_json_schema(schema)


def _closed(node: object) -> bool:
    """Whether strict mode can express a schema: every object lists its properties and admits no others."""
    if isinstance(node, list):
        return all(_closed(item) for item in node)
    if not isinstance(node, dict):
        return True
    is_open = "properties" not in node or node.get("additionalProperties", False) is not False
    if node.get("type") == "object" and is_open:
        return False
    return all(_closed(value) for value in node.values())
