"""A web process for stream tests: uvicorn with the product's application, in a thread of this process."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from bo1site.supervisor import free_port
from sessions.stream import admission, process
from sessions.stream.limiter import Limiter
from tests.live import wait_until


class Web:
    """``url`` of the server; ``call`` runs a coroutine function in its loop; ``hub`` is its hub."""

    def __init__(self, application: Any, **options: Any) -> None:
        port = free_port(0)
        self.url = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(
            application,
            port=port,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
            backlog=4096,
            **options,
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.hub = process.current()
        try:
            await self.server.serve()
        finally:
            await self.hub.close()

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def stream(self, session: Any, query: str = "") -> str:
        return f"{self.url}/api/v1/sessions/{getattr(session, 'pk', session)}/stream{query}"


@contextmanager
def serving(application: Any = None, **options: Any) -> Iterator[Web]:
    """A running server; every client starts with a clean record. ``options``: uvicorn's."""
    if application is None:
        from bo1site.asgi import application as product

        application = product
    admission.limiter = Limiter()
    web = Web(application, **options)
    web._thread.start()
    try:
        wait_until(lambda: web.server.started, seconds=10, what="the server to start")
        yield web
    finally:
        web.server.should_exit = True
        web._thread.join(20)
