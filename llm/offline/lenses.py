"""Lenses: ways of reasoning, recognised in a persona's method (data: lenses/*.toml)."""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lens:
    """One way of reasoning. `weights` say what it looks for on the scales of kinds.toml; `stubborn` in [0, 1] how
    little the others move it; the rest are sentence templates (slots: see speech.py)."""

    name: str
    number: int
    words: re.Pattern[str]
    title: str
    weights: dict[str, float]
    stubborn: float
    seat: tuple[str, ...]
    claim: tuple[str, ...]
    reason: tuple[str, ...]
    condition: tuple[str, ...]
    mind: tuple[str, ...]


def _load() -> dict[str, Lens]:
    lenses: dict[str, Lens] = {}
    for number, path in enumerate(sorted((Path(__file__).parent / "lenses").glob("*.toml"))):
        row = tomllib.loads(path.read_text("utf-8"))
        lenses[path.stem] = Lens(
            path.stem,
            number,
            re.compile(r"\b(?:" + "|".join(row["words"]) + r")\b", re.IGNORECASE),
            row["title"],
            row["weights"],
            row["stubborn"],
            *(tuple(row[key]) for key in ("seat", "claim", "reason", "condition", "mind")),
        )
    return lenses


LENSES = _load()
PLAIN = LENSES["plain"]


@lru_cache(maxsize=1024)
def lens_of(method: str, text: str = "") -> Lens:
    """The lens whose words the method names most often; the description decides only where the method says nothing."""
    best, most = PLAIN, 0
    for lens in LENSES.values():
        hits = 10 * len(lens.words.findall(method)) + len(lens.words.findall(text[:2000]))
        if hits > most:
            best, most = lens, hits
    return best
