"""The program: routes requests to the two wires, the fault book and the statistics."""

import asyncio
import json
import os
import time
from urllib.parse import parse_qs

from llm.offline import harm
from llm.offline.answer import answer
from llm.offline.asking import Ask, Reply, WireError
from llm.offline.faults import FIELDS, KINDS, PROVIDERS, Fault, FaultBook, FaultError
from llm.offline.http import (
    EVENTS,
    LARGEST_BODY,
    BodyTooLarge,
    ClientGone,
    Headers,
    Receive,
    Scope,
    Send,
    read_body,
    send_frames,
    send_json,
    start,
)
from llm.offline.latency import Latency
from llm.offline.seeds import digest
from llm.offline.statistics import Record, Statistics
from llm.offline.tokens import CHARACTERS_PER_TOKEN, PromptCache
from llm.offline.wire import Wire
from llm.offline.wire_anthropic import AnthropicWire
from llm.offline.wire_openai import OpenAIWire

# Of an answer's latency, the part before its first byte when it is streamed; the rest is spread over the events.
FIRST_BYTE = 0.3
DEFAULT_RECENT = 200


class OfflineProvider:
    """The ASGI application. All state is in memory and belongs to this instance."""

    def __init__(self, latency: Latency | None = None) -> None:
        self.latency = Latency.read(os.environ) if latency is None else latency
        self.faults = FaultBook()
        self.statistics = Statistics()
        self._cache = PromptCache()
        self._wires: dict[str, Wire] = {"anthropic": AnthropicWire(), "openai": OpenAIWire()}
        self._answering = {"/anthropic/v1/messages": "anthropic", "/openai/v1/chat/completions": "openai"}
        self._listing = {"/anthropic/v1/models": "anthropic", "/openai/v1/models": "openai"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                await self._route(scope, receive, send)
            except ClientGone:
                return

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = str(scope["path"]), str(scope["method"])
        if path in self._answering and method == "POST":
            await self._answer(self._wires[self._answering[path]], scope, receive, send)
        elif path in self._listing and method == "GET":
            await send_json(send, 200, self._wires[self._listing[path]].models())
        elif path.startswith("/anthropic/v1/models/") and method == "GET":
            await send_json(send, 200, self._wires["anthropic"].model(path.removeprefix("/anthropic/v1/models/")))
        elif path.startswith("/openai/v1/models/") and method == "GET":
            await send_json(send, 200, self._wires["openai"].model(path.removeprefix("/openai/v1/models/")))
        elif path == "/faults" or path.startswith("/faults/"):
            await self._fault_desk(scope, receive, send)
        elif path == "/stats":
            await self._stats_desk(scope, send)
        elif path in ("/", "/health") and method == "GET":
            await send_json(send, 200, {"service": "offline provider", "status": "ok"})
        else:
            await self._unknown(path, method, send)

    async def _unknown(self, path: str, method: str, send: Send) -> None:
        known = self._answering | self._listing
        provider = next((name for name in PROVIDERS if path.startswith(f"/{name}/")), None)
        status, message = 404, f"Unknown path {path}."
        if path in known:
            status, message = 405, f"{method} is not allowed on {path}."
        if provider is not None:
            await send_json(send, status, self._wires[provider].error(status, {"message": message}, ""))
            return
        hint = f"Paths: {', '.join(known)}, /faults, /stats, /health."
        await send_json(send, status, {"error": message, "hint": hint})

    async def _answer(self, wire: Wire, scope: Scope, receive: Receive, send: Send) -> None:
        record = self.statistics.begin(wire.provider)
        request_id = f"req_offline{record.id}"
        outcome = "abandoned"
        try:
            outcome = await self._respond(wire, record, request_id, scope, receive, send)
        except BodyTooLarge:
            outcome = "refused"
            message = {"message": f"The body exceeds {LARGEST_BODY} bytes."}
            await send_json(send, 413, wire.error(413, message, request_id))
        except WireError as error:
            outcome = "refused"
            body = {"type": error.kind, "code": error.code, "message": error.message, "param": error.param}
            headers = [(wire.request_id_header, request_id)]
            await send_json(send, error.status, wire.error(error.status, body, request_id), headers)
        finally:
            self.statistics.end(record, outcome)

    async def _respond(
        self, wire: Wire, record: Record, request_id: str, scope: Scope, receive: Receive, send: Send
    ) -> str:
        """Answers one request and returns its outcome for the statistics."""
        body = await read_body(receive)
        fault = self.faults.take(wire.provider, body.decode("utf-8", "replace"))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            ask = wire.read(headers, body)
        except WireError:
            # An outage also hits requests that are wrong in themselves.
            if fault and await harm.before_answer(fault, wire, request_id, send, receive, False):
                return fault.kind
            raise
        self.statistics.identify(record, ask)
        if fault and await harm.before_answer(fault, wire, request_id, send, receive, ask.stream):
            return fault.kind
        seconds = self.latency.of(ask.seed) + (fault.seconds if fault and fault.kind != "stall" else 0.0)
        reply = self._reply(ask, record)
        if fault:
            reply = harm.on_reply(fault, reply)
        out: Headers = [(wire.request_id_header, request_id)]
        await asyncio.sleep(seconds * FIRST_BYTE if ask.stream else seconds)
        if ask.stream:
            if not (fault and await harm.on_stream(fault, wire, reply, out, send, receive)):
                await start(send, 200, [*EVENTS, *out])
                await send_frames(send, wire.frames(reply), seconds * (1 - FIRST_BYTE))
        elif not (fault and await harm.on_body(fault, wire, reply, out, send, receive)):
            await send_json(send, 200, wire.body(reply), out)
        return fault.kind if fault else "answered"

    def _reply(self, ask: Ask, record: Record) -> Reply:
        text = answer(ask)
        usage = self._cache.usage(ask, text)
        reply = Reply(ask, digest(ask.seed, record.id)[:24], text, usage, "end", int(time.time()))
        if ask.max_tokens is not None and usage.output > ask.max_tokens:
            return harm.cut(reply, ask.max_tokens * CHARACTERS_PER_TOKEN)
        return reply

    async def _fault_desk(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        number = path.removeprefix("/faults").strip("/")
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if method == "GET" and not number:
            await send_json(send, 200, {"faults": self.faults.report()})
        elif method == "DELETE" and (not number or number.isdigit()):
            provider = query.get("provider", [None])[0]
            removed = self.faults.clear(provider, int(number) if number else None)
            await send_json(send, 200, {"removed": removed})
        elif method == "POST" and not number:
            try:
                fault = self.faults.add(json.loads(await read_body(receive)))
            except (ValueError, RecursionError) as error:
                message = str(error) if isinstance(error, FaultError) else "The body is not valid JSON."
                hint = {"fields": FIELDS, "kinds": KINDS}
                await send_json(send, 400, {"error": message, "hint": hint})
            else:
                await send_json(send, 201, self._described(fault))
        else:
            await send_json(send, 405, {"error": "Use GET, POST or DELETE on /faults, or DELETE on /faults/<id>."})

    def _described(self, fault: Fault) -> object:
        return next(row for row in self.faults.report() if row["id"] == fault.id)

    async def _stats_desk(self, scope: Scope, send: Send) -> None:
        if scope["method"] == "DELETE":
            self.statistics.clear()
            await send_json(send, 200, {"cleared": True})
        elif scope["method"] == "GET":
            text = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("recent", [str(DEFAULT_RECENT)])[0]
            await send_json(send, 200, self.statistics.report(int(text) if text.isdigit() else DEFAULT_RECENT))
        else:
            await send_json(send, 405, {"error": "Use GET or DELETE on /stats; ?recent=n lists the last n requests."})


app = OfflineProvider()
