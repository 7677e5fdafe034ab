"""Somebody who follows a session whatever happens to the hosts, as a browser behind a balancer does."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from tests.stream.client import connect

#: Seconds between the end of a connection and the next one.
PAUSE = 0.3


async def read_to_the_end(
    urls: Sequence[str],
    session: str,
    headers: dict[str, str],
    seen: list[int],
    *,
    drops: list[int] | None = None,
    first: int = 0,
) -> None:
    """Append the id of each event to ``seen`` until the server says that there are no more.

    Resumes with the last id after every interruption, at the next of ``urls`` (``first`` is where it begins), and notes
    in ``drops`` at which id it was interrupted.
    """
    turn = first
    while True:
        last = seen[-1] if seen else 0
        place = f"{urls[turn % len(urls)]}/api/v1/sessions/{session}/stream"
        try:
            got: Any = await connect(f"{place}?lastEventId={last}&tab={secrets.token_hex(4)}", **headers)
            try:
                assert got.status in (200, 204, 429, 503), got.status
                if got.status == 204:
                    return
                if got.status == 200:
                    async for message in got.messages():
                        if message.id is not None:
                            seen.append(message.id)
                        if message.type == "session_completed":
                            return
            finally:
                await got.close()
        except (OSError, EOFError, ValueError):  # refused, reset, cut in the middle of a chunk
            if drops is not None:
                drops.append(last)
            turn += 1
        await asyncio.sleep(PAUSE)
