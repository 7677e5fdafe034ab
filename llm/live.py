"""Text of an answer while it is being written, for somebody who watches. Ephemeral: nothing here is kept or trusted."""

import asyncio
import logging
import time
from types import TracebackType

from llm import metrics
from llm.types import OnText

logger = logging.getLogger(__name__)

#: Seconds for which pieces are gathered, so that a fast model costs its watcher ten calls a second and not hundreds.
GATHER = 0.1
#: Seconds that a callback may take in all during one attempt; then it is not called again in that attempt.
PATIENCE = 1.0


class LiveText:
    """Hands one attempt's text to a callback that can neither break the call nor slow it by more than ``PATIENCE``
    and one visit. Its failures are counted in ``llm_live_text_failures_total``.

    A context manager around the attempt: what is gathered is handed over before a whole answer is used, and dropped
    with one that failed.
    """

    def __init__(self, on_text: OnText, attempt: int) -> None:
        self._on_text = on_text
        self._attempt = attempt
        self._pieces: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._spent = 0.0

    def add(self, piece: str) -> None:
        if not piece:
            return
        self._pieces.append(piece)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._hand_over)

    def __enter__(self) -> "LiveText":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if error is None:
            self._hand_over()

    def _hand_over(self) -> None:
        self._timer = None
        text = "".join(self._pieces)
        self._pieces.clear()
        if not text or self._spent > PATIENCE:
            return
        began = time.monotonic()
        try:
            self._on_text(self._attempt, text)
        except (Exception, asyncio.CancelledError):
            metrics.LIVE_FAILURES.labels("error").inc()
            logger.warning("A watcher of live text failed", exc_info=True)
        self._spent += time.monotonic() - began
        if self._spent > PATIENCE:
            metrics.LIVE_FAILURES.labels("slow").inc()
            logger.warning("A watcher of live text took %.1f s: it gets no more of this attempt", self._spent)
