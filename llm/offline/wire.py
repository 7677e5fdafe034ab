"""A wire: what one provider's HTTP API looks like. Two modules implement it; the rest knows only this."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from llm.offline.asking import Ask, Json, Reply, WireError

# Characters of answer text in one streamed event, about twelve tokens.
CHUNK = 48
# What the models endpoints list; any other id is answered as well.
MODELS = ("offline-fast", "offline-core")


class Wire(Protocol):
    provider: str
    request_id_header: str

    def read(self, headers: Mapping[str, str], body: bytes) -> Ask:
        """The request as an Ask; raises WireError for what the real API would refuse."""
        ...

    def body(self, reply: Reply) -> Json: ...

    def frames(self, reply: Reply) -> list[bytes]:
        """The reply as server-sent events, the last one being the stream's own end mark."""
        ...

    def error(self, status: int, body: Mapping[str, str], request_id: str) -> Json:
        """The error envelope; `body` may override type, code and message."""
        ...

    def error_frame(self, status: int, body: Mapping[str, str], request_id: str) -> bytes: ...

    def models(self) -> Json: ...

    def model(self, name: str) -> Json: ...


def load(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise WireError(400, "The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise WireError(400, "The request body must be a JSON object.")
    return value


def plain_text(content: Any, where: str) -> str:
    """The text of a message: a string, or a list of blocks whose text parts are joined by blank lines."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n\n".join(_block_text(block, where) for block in content)
    raise WireError(400, f"{where}: Input should be a valid string or list", param=where)


def _block_text(block: Any, where: str) -> str:
    if not isinstance(block, dict):
        raise WireError(400, f"{where}: Input should be an object", param=where)
    if isinstance(block.get("text"), str):
        return str(block["text"])
    if "content" in block:
        return plain_text(block["content"], where)
    if "input" in block:
        return json.dumps(block["input"], ensure_ascii=False)
    return ""


def frame(data: object, event: str = "") -> bytes:
    """One server-sent event."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {text}\n\n".encode("utf-8", "replace")


def positive(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise WireError(400, f"{where}: Input should be greater than or equal to 1", param=where)
    return value
