"""What a caller hands to the broker and what it gets back."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)

#: Takes the number of the attempt (1, 2, … over all providers of a call) and the next piece of its text. A number that
#: was not seen before begins anew: what came under an earlier one is void. For a structured answer the pieces add up to
#: its JSON. Called in the event loop, at most ten times a second: hand the text on and return at once.
OnText = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One question to a model, answered in the shape of ``schema``.

    ``max_tokens`` bounds the visible answer; room for a model's own reasoning is added by the provider.
    ``temperature`` is a wish: it is sent only to models that still take one.
    ``deadline`` is in seconds and covers all attempts on all providers together (None = ``LLM_TOTAL_DEADLINE``).
    ``session_id``, ``task_id`` and ``call_no`` make the answer paid once: the same three with the same prompt find
    the stored answer. Without a session nothing is stored.
    ``cache`` allows an answer given to another task or session within the last minutes, where freshness is not wanted.
    ``reuse`` allows the answer that another task of the session has paid for the identical prompt (after a fork).
    ``stream`` receives the answer in pieces, so that a silent connection is noticed before the timeout.
    ``prefer`` names the provider to ask first instead of the primary, for callers that want answers of several model
    families (``broker.providers()`` says which there are). It changes the order alone: a provider that is
    not configured, or not to be asked because fallback is off, is passed over; the others stand behind it as usual; and
    the journal finds a stored answer whoever gave it.
    ``on_text`` is told the answer's text while it is being written, as ``OnText`` says: for somebody who watches,
    and for nothing else, since an attempt may still fail and be repeated. It switches ``stream`` on, cannot harm the
    call by failing or being slow, and is not called for an answer that is stored already.
    """

    schema: type[T]
    system: str
    prompt: str
    tier: str = "core"
    max_tokens: int = 2000
    temperature: float | None = None
    session_id: UUID | None = None
    task_id: str = ""
    call_no: int = 0
    node: str = ""
    persona: str = ""
    deadline: float | None = None
    cache: bool = False
    stream: bool = False
    reuse: bool = False
    prefer: str = ""
    on_text: OnText | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as billed; the four counts do not overlap (``input_tokens`` excludes cache reads and writes)."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


@dataclass(frozen=True, slots=True)
class Completion(Generic[T]):
    """A validated answer.

    ``cost`` is in US dollars for the call that produced the answer, None when the model's price is unknown.
    ``latency`` is in seconds, of the successful attempt. ``replayed`` answers were found in the journal and ``cached``
    ones in the response cache; neither was paid for again.
    """

    value: T
    provider: str
    model: str
    usage: Usage
    cost: Decimal | None
    latency: float
    replayed: bool
    offline: bool
    cached: bool = False
