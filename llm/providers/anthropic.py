"""Anthropic's Messages API through the official SDK."""

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from llm.errors import LLMError
from llm.providers import base, sdk_errors
from llm.providers.base import Ask, Reply
from llm.structured import schema_name
from llm.types import Usage

if TYPE_CHECKING:
    from anthropic.types import (
        Message,
        MessageParam,
        OutputConfigParam,
        RawMessageDeltaEvent,
        TextBlockParam,
    )

NAME = "anthropic"


class _Block(BaseModel):
    type: str
    text: str = ""


class _Counts(BaseModel):
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Details(BaseModel):
    explanation: str | None = None


class _Message(BaseModel):
    """What of a response counts."""

    model: str
    content: list[_Block]
    stop_reason: str | None = None
    stop_details: _Details | None = None
    usage: _Counts


class AnthropicProvider:
    """Structured answers use ``output_config.format``: current models reject a forced tool call, and sampling
    parameters with it, so ``Ask.temperature`` is not sent. The system prompt is marked for the prompt cache."""

    def __init__(self, *, api_key: str, base_url: str) -> None:
        import anthropic

        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url or None,
            max_retries=0,
            timeout=60.0,
            open_telemetry=False,
            http_client=anthropic.DefaultAioHttpClient(),
        )
        self._create = self._client.messages.with_raw_response.create

    async def ask(self, ask: Ask) -> Reply:
        import anthropic

        try:
            return await (self._streamed(ask) if ask.stream else self._whole(ask))
        except LLMError:
            raise
        except Exception as error:
            known = sdk_errors.translate(NAME, anthropic, error, ask.timeout)
            if known is None:
                raise
            raise known from error

    async def close(self) -> None:
        await self._client.close()

    async def _whole(self, ask: Ask) -> Reply:
        response = await self._create(
            model=ask.model,
            max_tokens=ask.max_tokens + ask.reasoning_tokens,
            system=_system(ask),
            messages=_messages(ask),
            output_config=_output(ask),
            timeout=base.timeout(ask),
        )
        return _read(await response.read())

    async def _streamed(self, ask: Ask) -> Reply:
        stream = await self._client.messages.create(
            model=ask.model,
            max_tokens=ask.max_tokens + ask.reasoning_tokens,
            system=_system(ask),
            messages=_messages(ask),
            output_config=_output(ask),
            timeout=base.timeout(ask),
            stream=True,
        )
        begun: Message | None = None
        ended: RawMessageDeltaEvent | None = None
        stopped = False
        parts: list[str] = []
        async with stream:
            try:
                async for event in stream:
                    if event.type == "content_block_delta" and event.delta.type == "text_delta":
                        parts.append(event.delta.text)
                        if ask.on_text is not None:
                            ask.on_text(event.delta.text)
                    elif event.type == "message_start":
                        begun = event.message
                    elif event.type == "message_delta":
                        ended = event
                    stopped = stopped or event.type == "message_stop"
                if not stopped or begun is None or ended is None:  # the SDK takes a cut stream for a whole one
                    raise base.broken(NAME, "the stream ended without its stop event")
                usage, model, text = _final_usage(begun.usage, ended.usage), str(begun.model), "".join(parts)
                stop, details = ended.delta.stop_reason, ended.delta.stop_details
            except (AttributeError, TypeError, ValueError) as error:
                raise base.broken(NAME, "the stream has not the documented form") from error
        return _reply(text, stop, details, usage, model)


def _read(body: bytes) -> Reply:
    """The answer in a response's body. The SDK builds all of its objects and checks none; this checks what counts."""
    try:
        message = _Message.model_validate_json(body)
    except ValidationError as error:
        raise base.broken(NAME, "the response has not the documented form") from error
    text = "".join(block.text for block in message.content if block.type == "text")
    return _reply(text, message.stop_reason, message.stop_details, _usage(message.usage), message.model)


def _reply(text: str, stop: str | None, details: Any, usage: Usage, model: str) -> Reply:
    if stop == "max_tokens":
        raise base.cut(NAME, usage, model)
    if stop == "model_context_window_exceeded":
        raise base.context_exceeded(NAME, usage, model)
    if stop == "refusal":
        raise base.refused(NAME, (details.explanation if details else None) or "", usage, model)
    if stop not in ("end_turn", "stop_sequence"):
        raise base.broken(NAME, f"unexpected stop reason {stop!r}")
    return Reply(text=text, model=model, usage=usage)


def _final_usage(begun: Any, ended: Any) -> Usage:
    """Counts at the end of a stream are totals; one that is left out there stands as it was at the beginning."""
    first = _usage(begun)

    def last(name: str, before: int) -> int:
        value = getattr(ended, name)
        return before if value is None else int(value)

    return Usage(
        input_tokens=last("input_tokens", first.input_tokens),
        output_tokens=int(ended.output_tokens),
        cache_read_tokens=last("cache_read_input_tokens", first.cache_read_tokens),
        cache_write_tokens=last("cache_creation_input_tokens", first.cache_write_tokens),
    )


def _usage(usage: Any) -> Usage:
    return Usage(
        input_tokens=int(usage.input_tokens),
        output_tokens=int(usage.output_tokens),
        cache_read_tokens=int(usage.cache_read_input_tokens or 0),
        cache_write_tokens=int(usage.cache_creation_input_tokens or 0),
    )


def _system(ask: Ask) -> "list[TextBlockParam]":
    return [{"type": "text", "text": ask.system, "cache_control": {"type": "ephemeral"}}]


def _messages(ask: Ask) -> "list[MessageParam]":
    messages: list[MessageParam] = [{"role": "user", "content": ask.prompt}]
    if ask.repair is not None:
        messages.append({"role": "assistant", "content": ask.repair.answer or "(empty)"})
        messages.append({"role": "user", "content": ask.repair.instruction})
    return messages


def _output(ask: Ask) -> "OutputConfigParam":
    config: OutputConfigParam = {"format": {"type": "json_schema", "schema": _schema(ask.schema)}}
    if ask.effort:
        config["effort"] = ask.effort  # type: ignore[typeddict-item]  # checked by the provider, not by us
    return config


@cache
def _schema(schema: type[BaseModel]) -> dict[str, object]:
    """The schema in the subset the API accepts: bounds move into the descriptions, where the model still sees them."""
    from anthropic import transform_schema

    return {**transform_schema(schema), "title": schema_name(schema)}
