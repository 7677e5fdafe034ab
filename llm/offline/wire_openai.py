"""OpenAI's Chat Completions API: requests, completions, chunks and errors in the shapes its SDK reads."""

import json
from collections.abc import Mapping
from typing import Any

from llm.offline.asking import Ask, Json, Reply, WireError
from llm.offline.http import split
from llm.offline.wire import CHUNK, MODELS, frame, load, plain_text, positive

ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", "permission_denied", "You are not allowed to use this resource."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    408: ("timeout", "timeout", "The request timed out."),
    409: ("conflict_error", None, "The resource was changed by another request."),
    413: ("invalid_request_error", "request_too_large", "The request is too large."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    500: ("server_error", None, "The server had an error while processing your request."),
    502: ("server_error", None, "Bad gateway."),
    503: ("server_error", "server_is_overloaded", "The engine is currently overloaded, please try again later."),
    504: ("server_error", None, "The gateway timed out."),
}
# Messages for codes that staff and tests ask for by name.
CODES = {
    "insufficient_quota": "You exceeded your current quota, please check your plan and billing details.",
    "context_length_exceeded": "This model's maximum context length was exceeded. Please reduce your messages.",
}
STOPS = {"end": "stop", "max_tokens": "length", "refusal": "stop", "content_filter": "content_filter"}
REFUSAL = "I'm sorry, but I can't help with that request."
ROLES = ("system", "developer", "user", "assistant", "tool")


class OpenAIWire:
    provider = "openai"
    request_id_header = "x-request-id"

    def read(self, headers: Mapping[str, str], body: bytes) -> Ask:
        if not headers.get("authorization", "").removeprefix("Bearer").strip():
            raise WireError(401, "You didn't provide an API key.")
        data = load(body)
        if not isinstance(data.get("model"), str) or not data["model"]:
            raise WireError(400, "you must provide a model parameter", param="model")
        messages = data.get("messages")
        if not isinstance(messages, list) or not messages:
            raise WireError(400, "'messages' must be an array with at least one message.", param="messages")
        system: list[str] = []
        prompt: list[str] = []
        for number, message in enumerate(messages):
            where = f"messages[{number}]"
            role = message.get("role") if isinstance(message, dict) else None
            if role not in ROLES:
                raise WireError(400, f"Invalid value for '{where}.role'.", param=where)
            text = plain_text(message.get("content"), where)
            (system if role in ("system", "developer") else prompt).append(text)
        schema, title, tool = self._shape(data)
        limit = data.get("max_completion_tokens", data.get("max_tokens"))
        options = data.get("stream_options") or {}
        return Ask(
            provider=self.provider,
            model=data["model"],
            system="\n\n".join(system),
            prompt="\n\n".join(prompt),
            schema=schema,
            title=title,
            tool=tool,
            max_tokens=None if limit is None else positive(limit, "max_completion_tokens"),
            stream=data.get("stream") is True,
            stream_usage=isinstance(options, dict) and options.get("include_usage") is True,
            cacheable="",
            extra=json.dumps([data.get("tools"), data.get("response_format")], ensure_ascii=False),
        )

    def _shape(self, data: Json) -> tuple[Json | None, str, str | None]:
        """The schema to answer in, its title, and the function to answer through."""
        tools = [
            tool["function"]
            for tool in data.get("tools") or []
            if isinstance(tool, dict) and isinstance(tool.get("function"), dict)
        ]
        choice = data.get("tool_choice", "auto" if tools else "none")
        named = (choice.get("function") or {}).get("name") if isinstance(choice, dict) else None
        if named is not None:
            for tool in tools:
                if tool.get("name") == named:
                    return _of_tool(tool)
            raise WireError(400, f"Tool choice '{named}' not found in 'tools' parameter.", param="tool_choice")
        form = data.get("response_format") or {}
        kind = form.get("type") if isinstance(form, dict) else None
        if kind == "json_schema":
            given = form.get("json_schema") or {}
            schema = given.get("schema")
            if not isinstance(schema, dict) or not given.get("name"):
                message = "Missing required parameter: 'response_format.json_schema.schema' or 'name'."
                raise WireError(400, message, param="response_format")
            if given.get("strict") is True:
                check_strict(schema, str(given["name"]))
            return schema, str(schema.get("title") or given["name"]), None
        if tools and (choice == "required" or (choice == "auto" and len(tools) == 1)):
            return _of_tool(tools[0])
        if kind == "json_object":
            return {"type": "object"}, "", None
        return None, "", None

    def body(self, reply: Reply) -> Json:
        message: Json = {"role": "assistant", "content": reply.text, "refusal": None, "annotations": []}
        stop = STOPS[reply.stop]
        if reply.stop == "refusal":
            message |= {"content": None, "refusal": REFUSAL}
        elif reply.stop == "content_filter":
            message["content"] = None
        elif reply.ask.tool is not None and reply.text:
            call = {"name": reply.ask.tool, "arguments": reply.text}
            message |= {
                "content": None,
                "tool_calls": [{"id": f"call_{reply.id}", "type": "function", "function": call}],
            }
            stop = "tool_calls" if stop == "stop" else stop
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": stop}
        return self._envelope(reply, "chat.completion") | {"choices": [choice], "usage": _usage(reply)}

    def _envelope(self, reply: Reply, kind: str) -> Json:
        return {
            "id": f"chatcmpl-{reply.id}",
            "object": kind,
            "created": reply.created,
            "model": reply.ask.model,
            "service_tier": "default",
            "system_fingerprint": "fp_offline",
        }

    def frames(self, reply: Reply) -> list[bytes]:
        base = self._envelope(reply, "chat.completion.chunk")
        if reply.ask.stream_usage:
            base["usage"] = None

        def chunk(delta: Json, stop: str | None = None) -> bytes:
            return frame(base | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": stop}]})

        stop = STOPS[reply.stop]
        tool = reply.ask.tool
        frames = [chunk({"role": "assistant", "content": None if tool else "", "refusal": None})]
        if reply.stop == "refusal":
            frames += [chunk({"refusal": piece}) for piece in split(REFUSAL, CHUNK)]
        elif reply.stop != "content_filter" and tool is not None and reply.text:
            head = {
                "index": 0,
                "id": f"call_{reply.id}",
                "type": "function",
                "function": {"name": tool, "arguments": ""},
            }
            frames.append(chunk({"tool_calls": [head]}))
            for piece in split(reply.text, CHUNK):
                frames.append(chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}))
            stop = "tool_calls" if stop == "stop" else stop
        elif reply.stop != "content_filter":
            frames += [chunk({"content": piece}) for piece in split(reply.text, CHUNK)]
        frames.append(chunk({}, stop))
        if reply.ask.stream_usage:
            frames.append(frame(base | {"choices": [], "usage": _usage(reply)}))
        frames.append(b"data: [DONE]\n\n")
        return frames

    def error(self, status: int, body: Mapping[str, str], request_id: str) -> Json:
        kind, code, message = ERRORS.get(status, ERRORS[500] if status >= 500 else ERRORS[400])
        code = body.get("code") or code
        error = {
            "message": body.get("message") or CODES.get(code or "", message),
            "type": body.get("type") or ("insufficient_quota" if code == "insufficient_quota" else kind),
            "param": body.get("param") or None,
            "code": code,
        }
        return {"error": error}

    def error_frame(self, status: int, body: Mapping[str, str], request_id: str) -> bytes:
        return frame(self.error(status, body, request_id))

    def models(self) -> Json:
        return {"object": "list", "data": [self.model(name) for name in MODELS]}

    def model(self, name: str) -> Json:
        return {"id": name, "object": "model", "created": 0, "owned_by": "offline-demo"}


def check_strict(schema: Any, name: str, path: tuple[str, ...] = ()) -> None:
    """Refuses what strict mode refuses: objects that are open, or that leave a property optional."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            check_strict(item, name, (*path, str(number)))
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        fault = ""
        if schema.get("additionalProperties") is not False:
            fault = "'additionalProperties' is required to be supplied and to be false."
        elif set(schema.get("properties") or {}) - set(schema.get("required") or []):
            fault = "'required' is required to be supplied and to be an array including every key in properties."
        if fault:
            message = f"Invalid schema for response_format '{name}': In context={path}, {fault}"
            raise WireError(400, message, param="response_format", code="invalid_json_schema")
    for key in ("properties", "$defs", "definitions"):
        for field, inner in (schema.get(key) or {}).items():
            check_strict(inner, name, (*path, key, field))
    for key in ("items", "anyOf"):
        if key in schema:
            check_strict(schema[key], name, (*path, key))


def _of_tool(tool: Json) -> tuple[Json, str, str]:
    schema = dict(tool.get("parameters") or {})
    name = str(tool.get("name") or "")
    if not name:
        raise WireError(400, "Missing required parameter: 'tools[0].function.name'.", param="tools")
    if tool.get("strict") is True:
        check_strict(schema, name)
    return schema, str(schema.get("title") or name), name


def _usage(reply: Reply) -> Json:
    usage = reply.usage
    prompt = usage.fresh + usage.cache_read + usage.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
