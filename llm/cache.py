"""Answers of the last minutes, for requests that allow it: in memory, least recently used go first.

The key covers everything that changes an answer: prompt, schema, limits, tier, and the model that is to answer.
Only validated answers are kept, as plain data, so that no two callers share an object.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from django.conf import settings
from pydantic import BaseModel

from llm.types import Completion

Key = tuple[str, str, str]


class AnswerCache:
    """At most ``size`` answers, each for ``ttl`` seconds. Safe to use from any thread."""

    def __init__(self, size: int, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.size = size
        self.ttl = ttl
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, tuple[float, dict[str, Any], Completion[BaseModel]]] = OrderedDict()

    def get(self, key: Key) -> tuple[dict[str, Any], Completion[BaseModel]] | None:
        """The answer's data and the completion it came in."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if self._clock() >= entry[0]:
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return entry[1], entry[2]

    def put(self, key: Key, completion: Completion[Any]) -> None:
        if self.size <= 0 or self.ttl <= 0:
            return
        with self._lock:
            self._entries[key] = (self._clock() + self.ttl, completion.value.model_dump(mode="json"), completion)
            self._entries.move_to_end(key)
            while len(self._entries) > self.size:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


answers = AnswerCache(
    size=int(getattr(settings, "LLM_CACHE_SIZE", 512)), ttl=float(getattr(settings, "LLM_CACHE_SECONDS", 600.0))
)
