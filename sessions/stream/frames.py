"""The bytes of the stream: server-sent events as the HTML standard defines them."""

import json
from typing import Any

KEEPALIVE = b": keepalive\n\n"

#: SQL for the frame of one row of ``board_event``. ``jsonb`` as text never contains a line break, so one ``data:``
#: line carries it; neither side parses the JSON on the way through.
FRAME_SQL = "'event: ' || type || E'\\nid: ' || sequence || E'\\ndata: ' || data::text || E'\\n\\n'"


def event(type_: str, data: str | dict[str, Any], sequence: int | None = None) -> bytes:
    """One event; without ``sequence`` it leaves the client's last id as it is. ``data``: JSON text, or a dict."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    number = "" if sequence is None else f"id: {sequence}\n"
    return f"event: {type_}\n{number}{''.join(f'data: {line}' + chr(10) for line in lines)}\n".encode()


def carried(line: bytes, sequence: int) -> bytes:
    """The frame of an event that came with a doorbell as ``<type> <data as JSON>``."""
    type_, _, data = line.partition(b" ")
    return b"event: %b\nid: %d\ndata: %b\n\n" % (type_, sequence, data)


def gap(expected: int, actual: int) -> bytes:
    """``gap_detected``: events from ``expected`` on are gone (or never were); the next one will be ``actual``."""
    data = {"expected_seq": expected, "actual_seq": actual, "missed_count": max(0, actual - expected)}
    return event("gap_detected", data, actual - 1)


def hello(retry_ms: int) -> bytes:
    """What a stream opens with: the delay after which a plain EventSource comes back."""
    return b": ok\nretry: %d\n\n" % retry_ms


def end(reason: str, retry_ms: int | None = None) -> bytes:
    """``stream_end``: why the server hangs up before the session is over; ``retry_ms`` says when to come back."""
    data: dict[str, Any] = {"reason": reason}
    hint = b""
    if retry_ms is not None:
        data["retry_ms"] = retry_ms
        hint = b"retry: %d\n" % retry_ms
    return hint + event("stream_end", data)
