"""The catalogue: read once from ``catalogue.toml`` and checked, so that a mistake stops the start, not a session."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_FIELDS = ("slug", "name", "method", "reasons", "domains", "temperament", "blind_spot")
_TEMPERAMENTS = frozenset({"sceptical", "analytical", "constructive", "humane", "bold", "contrarian"})


@dataclass(frozen=True, slots=True)
class Persona:
    """``method`` is how it reasons, in a few words, and nobody else's; ``reasons`` are its instructions (2 to 4
    sentences). ``domains`` are words that problems within its reach contain. ``blind_spot`` is what it tends to miss,
    and is told to it."""

    slug: str
    name: str
    method: str
    reasons: str
    domains: tuple[str, ...]
    temperament: str
    blind_spot: str


@cache
def catalogue() -> dict[str, Persona]:
    """Every persona by slug, in the order of the file."""
    text = (Path(__file__).parent / "catalogue.toml").read_text(encoding="utf-8")
    return read(tomllib.loads(text).get("persona", []))


def read(tables: list[Mapping[str, Any]]) -> dict[str, Persona]:
    """Raises ``ValueError`` that names the persona and what is wrong with it."""
    found: dict[str, Persona] = {}
    methods: dict[str, str] = {}
    names: dict[str, str] = {}
    for number, entry in enumerate(tables, 1):
        persona = _persona(entry, number)
        if persona.slug in found:
            raise ValueError(f"persona {persona.slug!r} is listed twice")
        for taken, value in ((methods, persona.method), (names, persona.name)):
            other = taken.setdefault(value.casefold(), persona.slug)
            if other != persona.slug:
                raise ValueError(f"persona {persona.slug!r} shares {value!r} with {other!r}")
        found[persona.slug] = persona
    return found


def _persona(entry: Mapping[str, Any], number: int) -> Persona:
    label = str(entry.get("slug") or f"number {number}")
    missing = [field for field in _FIELDS if not entry.get(field)]
    unknown = sorted(set(entry) - set(_FIELDS))
    if missing or unknown:
        raise ValueError(f"persona {label}: missing {missing}, unknown {unknown}")
    slug = str(entry["slug"])
    if not _SLUG.fullmatch(slug) or len(slug) > 60:
        raise ValueError(
            f"persona {label}: a slug is made of lower-case words joined by hyphens, at most 60 characters"
        )
    if entry["temperament"] not in _TEMPERAMENTS:
        raise ValueError(f"persona {label}: temperament is one of {', '.join(sorted(_TEMPERAMENTS))}")
    return Persona(
        slug=slug,
        name=str(entry["name"]),
        method=str(entry["method"]),
        reasons=" ".join(str(entry["reasons"]).split()),
        domains=tuple(entry["domains"]),
        temperament=str(entry["temperament"]),
        blind_spot=" ".join(str(entry["blind_spot"]).split()),
    )
