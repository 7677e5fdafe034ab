"""An ask: one request for an answer, whatever wire it came over; and the reply to it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from llm.offline.seeds import digest

Json = dict[str, Any]
Stop = Literal["end", "max_tokens", "refusal", "content_filter", "context"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request asks for.

    `schema` is the JSON Schema to answer in (None for prose), `title` its name: the schema's title, else the name of
    the tool or response format. `tool` is set when the answer must be a tool call.
    """

    provider: str
    model: str
    system: str
    prompt: str
    schema: Json | None
    title: str
    tool: str | None
    max_tokens: int | None
    stream: bool
    stream_usage: bool
    cacheable: str
    extra: str
    #: Equal for equal prompt, system, model and schema; the wire and the streaming mode do not matter.
    seed: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", digest(self.system, self.prompt, self.model, self.title))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `fresh` excludes what was read from or written to the prompt cache."""

    fresh: int
    cache_read: int
    cache_write: int
    output: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer ready for a wire. `id` is 24 hex characters, `created` seconds since the epoch."""

    ask: Ask
    id: str
    text: str
    usage: Usage
    stop: Stop
    created: int


class WireError(Exception):
    """A request the real API would refuse: rendered by the wire in its own envelope."""

    def __init__(self, status: int, message: str, *, kind: str = "", code: str = "", param: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
