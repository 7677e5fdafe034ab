"""Faults: how the provider is told to misbehave, for which requests, and for how long."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

PROVIDERS = ("anthropic", "openai")
KINDS = {
    "status": "an HTTP error `status` in the provider's own envelope (override its type, code, message in `body`)",
    "delay": "the right answer, `seconds` late",
    "stall": "headers (and the first event of a stream), then nothing for `seconds`",
    "disconnect": "the connection is closed without a response",
    "reset": "the connection is reset in the middle of the body",
    "truncate": "the body ends early but properly: a stream without its last event, a JSON text cut in half",
    "malformed": "a body (or an event of a stream) that is not JSON",
    "empty": "a well-formed answer with no content",
    "refusal": 'the model declines; `body: {"code": "content_filter"}` makes it the OpenAI content filter',
    "max_tokens": "the answer stops at the token limit, in the middle of the text",
    "context": "the prompt does not fit the model: Anthropic stops for it, OpenAI rejects the request",
    "bad_schema": "valid JSON that does not fit the schema asked for",
}
FIELDS = {
    "provider": "anthropic or openai",
    "kind": "one of " + ", ".join(KINDS),
    "status": "for kind status: an HTTP status, 400 to 599",
    "body": 'for kind status: {"type": …, "code": …, "message": …}, all optional',
    "retry_after": "seconds for the Retry-After header; 0 or more",
    "seconds": "how long to wait: before the answer, or inside a stall",
    "count": "how many requests are affected; null = until cleared",
    "for_seconds": "how long the fault lives from now; null = until cleared",
    "every": "affect only every n-th matching request (1 = all)",
    "match": "a text the request body must contain",
    "after": "how many matching requests pass unharmed first",
    "mid_stream": "for kind status: in a stream, send the error as an event after the answer has begun",
}
MOST = 100


class FaultError(ValueError):
    """A fault definition that cannot be used; the message says what to do."""


@dataclass(slots=True)
class Fault:
    """One rule. `seen` counts matching requests, `hit` those it harmed; `ends` is on the book's clock."""

    id: int
    provider: str
    kind: str
    status: int | None = None
    body: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    seconds: float = 0.0
    count: int | None = None
    for_seconds: float | None = None
    every: int = 1
    match: str = ""
    after: int = 0
    mid_stream: bool = False
    seen: int = 0
    hit: int = 0
    ends: float | None = None

    def spent(self, now: float) -> bool:
        return (self.count is not None and self.hit >= self.count) or (self.ends is not None and now >= self.ends)


class FaultBook:
    """The rules in force, oldest first; the first that applies to a request harms it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._faults: list[Fault] = []
        self._next = 1

    def add(self, definition: object) -> Fault:
        """A new rule from a JSON definition; raises FaultError."""
        fields = check(definition)
        now = self._clock()
        self._faults = [fault for fault in self._faults if not fault.spent(now)]
        if len(self._faults) >= MOST:
            raise FaultError(f"There are {MOST} faults already: DELETE /faults clears them.")
        fault = Fault(id=self._next, **fields)
        if fault.for_seconds is not None:
            fault.ends = now + fault.for_seconds
        self._next += 1
        self._faults.append(fault)
        return fault

    def clear(self, provider: str | None = None, number: int | None = None) -> int:
        """Removes all faults, or those of one provider, or one by its id; returns how many."""
        kept = [
            fault
            for fault in self._faults
            if (provider is not None and fault.provider != provider) or (number is not None and fault.id != number)
        ]
        removed = len(self._faults) - len(kept)
        self._faults = kept
        return removed

    def take(self, provider: str, body: str) -> Fault | None:
        """The fault that harms this request, if any. Every matching rule counts the request as seen."""
        now = self._clock()
        chosen: Fault | None = None
        for fault in self._faults:
            if fault.provider != provider or fault.spent(now) or (fault.match and fault.match not in body):
                continue
            fault.seen += 1
            due = fault.seen > fault.after and (fault.seen - fault.after - 1) % fault.every == 0
            if due and chosen is None:
                fault.hit += 1
                chosen = fault
        return chosen

    def report(self) -> list[dict[str, Any]]:
        """The rules with their counts; `active` is false once a rule is spent."""
        now = self._clock()
        rows = []
        for fault in self._faults:
            row = asdict(fault)
            ends = row.pop("ends")
            row["active"] = not fault.spent(now)
            row["remaining_seconds"] = None if ends is None else max(0.0, round(ends - now, 1))
            rows.append(row)
        return rows


def check(definition: object) -> dict[str, Any]:
    """The definition's fields with their types made sure of; raises FaultError naming the field and the remedy."""
    if not isinstance(definition, Mapping):
        raise FaultError('Send a JSON object such as {"provider": "anthropic", "kind": "status", "status": 529}.')
    unknown = sorted(str(key) for key in definition if key not in FIELDS)
    if unknown:
        raise FaultError(f"Unknown field {', '.join(unknown)}. Known fields: {', '.join(FIELDS)}.")
    fields: dict[str, Any] = {key: value for key, value in definition.items() if value is not None}
    if fields.get("provider") not in PROVIDERS:
        raise FaultError("`provider` must be anthropic or openai.")
    if fields.get("kind") not in KINDS:
        raise FaultError(f"`kind` must be one of {', '.join(KINDS)}.")
    for name in ("retry_after", "seconds", "for_seconds"):
        if name in fields:
            fields[name] = _seconds(name, fields[name])
    for name, least in (("count", 1), ("every", 1), ("after", 0)):
        value = fields.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise FaultError(f"`{name}` must be a whole number, {least} or more.")
    if not isinstance(fields.get("match", ""), str):
        raise FaultError("`match` must be a text that the request body has to contain.")
    if not isinstance(fields.get("mid_stream", False), bool):
        raise FaultError("`mid_stream` must be true or false.")
    _check_status(fields)
    if fields["kind"] == "delay" and not fields.get("seconds"):
        raise FaultError("`delay` needs `seconds`, greater than 0.")
    if fields["kind"] == "stall":
        fields.setdefault("seconds", 600.0)
    return fields


def _check_status(fields: dict[str, Any]) -> None:
    status = fields.get("status")
    if fields["kind"] == "status":
        if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599:
            raise FaultError("`status` must be an HTTP error status, 400 to 599, for kind status.")
    elif status is not None:
        raise FaultError(f'`status` goes with kind "status", not with "{fields["kind"]}".')
    body = fields.get("body", {})
    if not isinstance(body, Mapping) or not all(
        key in ("type", "code", "message") and isinstance(value, str) for key, value in body.items()
    ):
        raise FaultError("`body` must be an object with the texts `type`, `code` and `message`, all optional.")
    fields["body"] = dict(body)


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
        raise FaultError(f"`{name}` must be a number of seconds between 0 and 86400.")
    return float(value)
