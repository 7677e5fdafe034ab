"""Harm: carries a fault out on one response."""

import asyncio
import json
from dataclasses import replace

from llm.offline.asking import Json, Reply
from llm.offline.faults import Fault
from llm.offline.http import (
    EVENTS,
    Headers,
    Receive,
    Send,
    encode,
    hang_up,
    hold,
    send_body,
    send_frames,
    send_json,
    start,
)
from llm.offline.wire import Wire

JSON: Headers = (("content-type", "application/json"),)
# Lets the first half of a body reach the client, so that a reset is seen in mid-body and not before it.
SETTLE = 0.05


async def before_answer(fault: Fault, wire: Wire, request_id: str, send: Send, receive: Receive, stream: bool) -> bool:
    """Faults that need no answer: carries it out and returns True, or returns False."""
    if fault.kind == "disconnect":
        await asyncio.sleep(fault.seconds)
        await hang_up(send, receive, reset=False)
        return True
    if fault.kind == "context" and wire.provider == "openai":
        body = {"code": "context_length_exceeded"}
        await send_json(send, 400, wire.error(400, body, request_id), [(wire.request_id_header, request_id)])
        return True
    if fault.kind == "status" and not (fault.mid_stream and stream):
        await asyncio.sleep(fault.seconds)
        headers = [(wire.request_id_header, request_id)]
        if fault.retry_after is not None:
            headers.append(("retry-after", f"{fault.retry_after:g}"))
        status = fault.status or 500
        await send_json(send, status, wire.error(status, fault.body, request_id), headers)
        return True
    return False


def on_reply(fault: Fault, reply: Reply) -> Reply:
    """Faults inside the answer itself."""
    if fault.kind == "empty":
        return replace(reply, text="")
    if fault.kind == "refusal":
        stop = "content_filter" if fault.body.get("code") == "content_filter" else "refusal"
        return replace(reply, text="", stop=stop)  # type: ignore[arg-type]
    if fault.kind == "max_tokens":
        return cut(reply, len(reply.text) // 2)
    if fault.kind == "context":
        return replace(cut(reply, len(reply.text) // 2), stop="context")
    if fault.kind == "bad_schema":
        return replace(reply, text=json.dumps(_misfit(reply.text), ensure_ascii=False))
    return reply


def cut(reply: Reply, characters: int) -> Reply:
    """The reply stopped at its token limit after so many characters."""
    text = reply.text[: max(1, characters)]
    return replace(reply, text=text, stop="max_tokens", usage=replace(reply.usage, output=max(1, len(text) // 4)))


def _misfit(text: str) -> Json:
    """The answer with its first property missing, its second of the wrong type and one too many."""
    try:
        value = json.loads(text)
    except ValueError:
        value = {}
    fields = dict(value) if isinstance(value, dict) else {}
    for number, key in enumerate(list(fields)[:2]):
        if number == 0:
            del fields[key]
        else:
            fields[key] = {"not": "what the schema asks for"}
    fields["unexpected"] = True
    return fields


async def on_body(fault: Fault, wire: Wire, reply: Reply, headers: Headers, send: Send, receive: Receive) -> bool:
    """Faults in the transport of an unstreamed answer."""
    body = encode(wire.body(reply))
    half = body[: len(body) // 2]
    if fault.kind == "truncate":
        await send_body(send, 200, half, [*JSON, *headers])
    elif fault.kind == "malformed":
        await send_body(send, 200, half + b'"}<html>502 Bad Gateway</html>', [*JSON, *headers])
    elif fault.kind in ("stall", "reset"):
        await start(send, 200, [*JSON, *headers, ("content-length", str(len(body)))])
        if fault.kind == "stall":
            await hold(receive, fault.seconds)
            await hang_up(send, receive, reset=False)
        else:
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await asyncio.sleep(SETTLE)
            await hang_up(send, receive, reset=True)
    else:
        return False
    return True


async def on_stream(fault: Fault, wire: Wire, reply: Reply, headers: Headers, send: Send, receive: Receive) -> bool:
    """Faults in the transport of a streamed answer."""
    frames = wire.frames(reply)
    half = frames[: max(1, len(frames) // 2)]
    request_id = dict(headers).get(wire.request_id_header, "")
    if fault.kind == "truncate":
        sent, more = half, False
    elif fault.kind == "malformed":
        event = half[-1].split(b"data: ", 1)[0]
        sent, more = [*half[:-1], event + b'data: {"type": "content_bl<html>\n\n', *frames[len(half) :]], False
    elif fault.kind == "status":
        sent, more = [*half, wire.error_frame(fault.status or 500, fault.body, request_id)], False
    elif fault.kind == "stall":
        sent, more = frames[:1], True
    elif fault.kind == "reset":
        sent, more = half, True
    else:
        return False
    await start(send, 200, [*EVENTS, *headers])
    await send_frames(send, sent, 0.0, more=more)
    if fault.kind == "stall":
        await hold(receive, fault.seconds)
        await hang_up(send, receive, reset=False)
    elif fault.kind == "reset":
        await asyncio.sleep(SETTLE)
        await hang_up(send, receive, reset=True)
    return True
