"""Seeds: whatever looks like chance is drawn from a digest of the request, so equal requests get equal answers."""

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar

T = TypeVar("T")


def digest(*parts: str) -> str:
    """32 hex characters over the parts; the separator keeps ("ab", "c") apart from ("a", "bc")."""
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Dice:
    """Draws that depend on nothing but the parts given."""

    def __init__(self, *parts: str) -> None:
        self._random = Random(int(digest(*parts), 16))  # noqa: S311 - for variety, not for secrets

    def pick(self, items: Sequence[T]) -> T:
        return items[self._random.randrange(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        copy = list(items)
        self._random.shuffle(copy)
        return copy

    def between(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def whole(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return self._random.randint(low, high)
