"""Anthropic's Messages API: requests, messages, event streams and errors in the shapes its SDK reads."""

import json
from collections.abc import Mapping
from typing import Any

from llm.offline.asking import Ask, Json, Reply, WireError
from llm.offline.http import split
from llm.offline.wire import CHUNK, MODELS, frame, load, plain_text, positive

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
MESSAGES = {
    401: "invalid x-api-key",
    402: "Your credit balance is too low to access the Anthropic API.",
    403: "Your API key does not have permission to use the specified resource.",
    404: "The requested resource could not be found.",
    413: "Request exceeds the maximum allowed number of bytes.",
    429: "This request would exceed your organization's rate limit.",
    500: "Internal server error",
    503: "Service unavailable",
    529: "Overloaded",
}
STOPS = {
    "end": "end_turn",
    "max_tokens": "max_tokens",
    "refusal": "refusal",
    "content_filter": "refusal",
    "context": "model_context_window_exceeded",
}
# What the real API refuses inside a structured-output schema; the SDK's own transform moves these to the description.
UNSUPPORTED = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
               "maxItems", "uniqueItems")  # fmt: skip


class AnthropicWire:
    provider = "anthropic"
    request_id_header = "request-id"

    def read(self, headers: Mapping[str, str], body: bytes) -> Ask:
        if not headers.get("x-api-key") and not headers.get("authorization"):
            raise WireError(401, "x-api-key header is required")
        data = load(body)
        if not isinstance(data.get("model"), str) or not data["model"]:
            raise WireError(400, "model: Field required")
        if "max_tokens" not in data:
            raise WireError(400, "max_tokens: Field required")
        messages = data.get("messages")
        if not isinstance(messages, list) or not messages:
            raise WireError(400, "messages: at least one message is required")
        prompt = "\n\n".join(_message(message, number) for number, message in enumerate(messages))
        system = plain_text(data.get("system"), "system")
        schema, tool = self._shape(data)
        title = str((schema or {}).get("title") or tool or "")
        extra = json.dumps([data.get("tools"), data.get("output_config")], ensure_ascii=False)
        return Ask(
            provider=self.provider,
            model=data["model"],
            system=system,
            prompt=prompt,
            schema=schema,
            title=title,
            tool=tool,
            max_tokens=positive(data["max_tokens"], "max_tokens"),
            stream=data.get("stream") is True,
            stream_usage=True,
            cacheable=_marked(data),
            extra=extra,
        )

    def _shape(self, data: Json) -> tuple[Json | None, str | None]:
        """The schema to answer in and the tool to answer through."""
        tools = [tool for tool in data.get("tools") or [] if isinstance(tool, dict) and tool.get("name")]
        choice = data.get("tool_choice") or {"type": "auto"}
        kind = choice.get("type") if isinstance(choice, dict) else None
        if kind == "tool":
            for tool in tools:
                if tool["name"] == choice.get("name"):
                    return dict(tool.get("input_schema") or {}), str(tool["name"])
            raise WireError(400, f"tool_choice.name: Tool '{choice.get('name')}' not found in provided tools")
        if kind == "any" and not tools:
            raise WireError(400, "tool_choice: `any` may only be specified while providing tools")
        form = data.get("output_config") or {}
        wanted = form.get("format") if isinstance(form, dict) else None
        if wanted is None:
            wanted = data.get("output_format")
        if isinstance(wanted, dict):
            if wanted.get("type") != "json_schema" or not isinstance(wanted.get("schema"), dict):
                raise WireError(400, "output_config.format.schema: Field required")
            check_schema(wanted["schema"], "output_config.format.schema")
            return wanted["schema"], None
        if tools and (kind == "any" or (kind == "auto" and len(tools) == 1)):
            return dict(tools[0].get("input_schema") or {}), str(tools[0]["name"])
        return None, None

    def body(self, reply: Reply) -> Json:
        return self._message(reply, self._content(reply), STOPS[reply.stop], reply.usage.output)

    def _content(self, reply: Reply) -> list[Json]:
        if not reply.text:
            return []
        if reply.ask.tool is None:
            return [{"type": "text", "text": reply.text, "citations": None}]
        try:
            given = json.loads(reply.text)
        except ValueError:
            # A tool call cut at the token limit: the real API hands over what was complete.
            given = {}
        return [{"type": "tool_use", "id": f"toolu_{reply.id}", "name": reply.ask.tool, "input": given}]

    def _message(self, reply: Reply, content: list[Json], stop: str | None, output: int) -> Json:
        if stop == "end_turn" and reply.ask.tool is not None and content:
            stop = "tool_use"
        details = {"type": "refusal", "category": None, "explanation": None} if stop == "refusal" else None
        usage = reply.usage
        return {
            "id": f"msg_{reply.id}",
            "type": "message",
            "role": "assistant",
            "model": reply.ask.model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "stop_details": details,
            "usage": {
                "input_tokens": usage.fresh,
                "cache_creation_input_tokens": usage.cache_write,
                "cache_read_input_tokens": usage.cache_read,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": usage.cache_write,
                    "ephemeral_1h_input_tokens": 0,
                },
                "output_tokens": output,
                "service_tier": "standard",
            },
        }

    def frames(self, reply: Reply) -> list[bytes]:
        begun = self._message(reply, [], None, 1)
        frames = [frame({"type": "message_start", "message": begun}, "message_start")]
        tool = reply.ask.tool
        if reply.text:
            block: Json = {"type": "text", "text": "", "citations": None}
            if tool is not None:
                block = {"type": "tool_use", "id": f"toolu_{reply.id}", "name": tool, "input": {}}
            opened = {"type": "content_block_start", "index": 0, "content_block": block}
            frames += [frame(opened, "content_block_start"), frame({"type": "ping"}, "ping")]
            for piece in split(reply.text, CHUNK):
                delta = {"type": "text_delta", "text": piece}
                if tool is not None:
                    delta = {"type": "input_json_delta", "partial_json": piece}
                frames.append(frame({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta"))
            frames.append(frame({"type": "content_block_stop", "index": 0}, "content_block_stop"))
        ended = self._message(reply, [{}] if reply.text else [], STOPS[reply.stop], reply.usage.output)
        delta_end = {key: ended[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
        usage = {key: ended["usage"][key] for key in ended["usage"] if key.endswith("_tokens")}
        frames.append(frame({"type": "message_delta", "delta": delta_end, "usage": usage}, "message_delta"))
        frames.append(frame({"type": "message_stop"}, "message_stop"))
        return frames

    def error(self, status: int, body: Mapping[str, str], request_id: str) -> Json:
        error: Json = {
            "type": body.get("type") or ERROR_TYPES.get(status) or ("api_error" if status >= 500 else ERROR_TYPES[400]),
            "message": body.get("message") or MESSAGES.get(status, "The request failed."),
        }
        if body.get("code"):
            error["details"] = {"error_code": body["code"]}
        return {"type": "error", "error": error, "request_id": request_id}

    def error_frame(self, status: int, body: Mapping[str, str], request_id: str) -> bytes:
        return frame(self.error(status, body, request_id), "error")

    def models(self) -> Json:
        listed = [self.model(name) for name in MODELS]
        return {"data": listed, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}

    def model(self, name: str) -> Json:
        return {
            "type": "model",
            "id": name,
            "display_name": f"Offline demo ({name})",
            "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active",
            "max_input_tokens": 200_000,
            "max_tokens": 64_000,
        }


def check_schema(schema: Any, where: str) -> None:
    """Refuses what Anthropic's structured outputs refuse, so that a request that works here works there."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            check_schema(item, f"{where}.{number}")
    if not isinstance(schema, dict):
        return
    found = [word for word in UNSUPPORTED if word in schema]
    if found:
        message = f"{where}: For '{schema.get('type')}' type, properties {', '.join(found)} are not supported"
        raise WireError(400, message)
    if schema.get("minItems", 0) not in (0, 1):
        raise WireError(400, f"{where}: For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        message = f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        raise WireError(400, message)
    for key in ("properties", "$defs", "definitions"):
        for name, inner in (schema.get(key) or {}).items():
            check_schema(inner, f"{where}.{key}.{name}")
    for key in ("items", "anyOf", "allOf"):
        if key in schema:
            check_schema(schema[key], f"{where}.{key}")


def _message(message: Any, number: int) -> str:
    where = f"messages.{number}"
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
        raise WireError(400, f"{where}.role: Input should be 'user' or 'assistant'")
    return plain_text(message.get("content"), f"{where}.content")


def _marked(data: Json) -> str:
    """The longest prefix that ends in a cache_control mark: tools, then system, then messages; empty without a mark."""
    prefix: list[str] = []
    marked = 0
    tools = data.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        prefix.append(json.dumps(tool, ensure_ascii=False))
        marked = len(prefix) if isinstance(tool, dict) and tool.get("cache_control") else marked
    system = data.get("system")
    blocks = list(system) if isinstance(system, list) else [system or ""]
    for message in data["messages"]:
        content = message.get("content")
        blocks += content if isinstance(content, list) else [content]
    for block in blocks:
        text = block.get("text") if isinstance(block, dict) else block
        prefix.append(text if isinstance(text, str) else json.dumps(block, ensure_ascii=False))
        marked = len(prefix) if isinstance(block, dict) and block.get("cache_control") else marked
    if data.get("cache_control"):
        marked = len(prefix)
    return "\n".join(prefix[:marked])
