"""Token counts: four characters make one, and a prompt cache remembers prefixes as the real ones do."""

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from llm.offline.asking import Ask, Usage

CHARACTERS_PER_TOKEN = 4
# Both providers cache nothing shorter than this many tokens on their current models.
SMALLEST_PREFIX = 1024
# OpenAI counts cached tokens in steps of this size.
STEP = 128


def count(text: str) -> int:
    """Tokens in `text`, at least 1."""
    return max(1, len(text) // CHARACTERS_PER_TOKEN)


class PromptCache:
    """Which prompt prefixes were seen in the last five minutes; bounded, oldest out first."""

    def __init__(self, *, size: int = 20_000, ttl: float = 300.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seen: OrderedDict[bytes, float] = OrderedDict()
        self._size = size
        self._ttl = ttl
        self._clock = clock

    def usage(self, ask: Ask, output: str) -> Usage:
        """Usage of `output` as the answer to `ask`; remembers the prompt's prefixes."""
        total = count(ask.system + ask.prompt + ask.extra)
        if ask.provider == "anthropic":
            read, written = self._marked(ask)
        else:
            read, written = self._stepped(ask), 0
        return Usage(max(1, total - read - written), read, written, count(output))

    def _marked(self, ask: Ask) -> tuple[int, int]:
        """Anthropic: the caller marks the prefix; the first call writes it, later ones read it."""
        tokens = count(ask.cacheable) if ask.cacheable else 0
        if tokens < SMALLEST_PREFIX:
            return 0, 0
        known = self._remember(blake2b((ask.model + ask.cacheable).encode("utf-8", "replace"), digest_size=16).digest())
        return (tokens, 0) if known else (0, tokens)

    def _stepped(self, ask: Ask) -> int:
        """OpenAI: automatic, the longest known prefix in steps."""
        whole = (ask.model + "\x1f" + ask.system + ask.prompt).encode("utf-8", "replace")
        smallest, step = SMALLEST_PREFIX * CHARACTERS_PER_TOKEN, STEP * CHARACTERS_PER_TOKEN
        if len(whole) < smallest:
            return 0
        running = blake2b(whole[:smallest], digest_size=16)
        best = position = 0
        end = smallest
        while True:
            if self._remember(running.digest()):
                best = end // CHARACTERS_PER_TOKEN
            position, end = end, end + step
            if end > len(whole):
                return best
            running.update(whole[position:end])

    def _remember(self, key: bytes) -> bool:
        now = self._clock()
        last = self._seen.pop(key, None)
        self._seen[key] = now
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return last is not None and now - last <= self._ttl
