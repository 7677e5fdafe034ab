"""Kinds of step: waiting, probing, cutting, buying and so on, recognised by their words (data: kinds.toml)."""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Kind:
    """`scales` rate the step from -1 to 1; `virtues` and `vices` are sentence templates about such an option."""

    name: str
    words: re.Pattern[str]
    scales: dict[str, float]
    virtues: tuple[str, ...]
    vices: tuple[str, ...]


def _load() -> dict[str, Kind]:
    data = tomllib.loads((Path(__file__).parent / "kinds.toml").read_text("utf-8"))
    return {
        name: Kind(
            name,
            re.compile(r"\b(?:" + "|".join(row["words"]) + r")\b", re.IGNORECASE),
            row["scales"],
            tuple(row["virtues"]),
            tuple(row["vices"]),
        )
        for name, row in data.items()
    }


KINDS = _load()


@lru_cache(maxsize=4096)
def kinds_of(text: str) -> tuple[str, ...]:
    """The kinds a text's words name, strongest first, at most two; "act" when it names none."""
    found = [(match.start(), name) for name, kind in KINDS.items() if (match := kind.words.search(text))]
    return tuple(name for _, name in sorted(found)[:2]) or ("act",)
