"""The catalogue: read once from ``catalogue.toml`` and checked, so that a mistake stops the start, not a session.

The file is what a release ships. Staff edit the catalogue in the admin; ``sessions.personas.history`` says how the two
come together.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
FIELDS = ("slug", "name", "method", "reasons", "domains", "temperament", "blind_spot")
TEMPERAMENTS = ("analytical", "bold", "constructive", "contrarian", "humane", "sceptical")
#: Characters. What a persona is told is short enough to be kept in mind, and long enough to say how.
LONGEST = {"slug": 60, "name": 80, "method": 80, "blind_spot": 200}
REASONS, DOMAINS, LONGEST_DOMAIN = (150, 700), (3, 12), 40


@dataclass(frozen=True, slots=True)
class Persona:
    """``method`` is how it reasons, in a few words, and nobody else's; ``reasons`` are its instructions (2 to 4
    sentences). ``domains`` are words that problems within its reach contain. ``blind_spot`` is what it tends to miss,
    and is told to it. A ``retired`` one is known, but no new board seats it."""

    slug: str
    name: str
    method: str
    reasons: str
    domains: tuple[str, ...]
    temperament: str
    blind_spot: str
    version: int = 1
    retired: bool = False


@cache
def catalogue() -> dict[str, Persona]:
    """Every persona that the release ships, by slug, in the order of the file."""
    text = (Path(__file__).parent / "catalogue.toml").read_text(encoding="utf-8")
    return read(tomllib.loads(text).get("persona", []))


def read(tables: list[Mapping[str, Any]]) -> dict[str, Persona]:
    """Raises ``ValueError`` that names the persona and what is wrong with it."""
    found: dict[str, Persona] = {}
    for number, entry in enumerate(tables, 1):
        persona = persona_of(entry, label=str(entry.get("slug") or f"number {number}"))
        if persona.slug in found:
            raise ValueError(f"persona {persona.slug!r} is listed twice")
        alone(persona, found.values())
        found[persona.slug] = persona
    return found


def alone(persona: Persona, others: Iterable[Persona]) -> None:
    """Raise ``ValueError`` when somebody else already reasons by the method or goes by the name of ``persona``."""
    for other in others:
        for mine, theirs in ((persona.method, other.method), (persona.name, other.name)):
            if other.slug != persona.slug and mine.casefold() == theirs.casefold():
                raise ValueError(f"persona {persona.slug!r} shares {mine!r} with {other.slug!r}")


def persona_of(entry: Mapping[str, Any], *, label: str = "") -> Persona:
    """One persona from plain values, its texts in single spaces. Raises ``ValueError`` that says what is wrong."""
    label = label or str(entry.get("slug") or "without a slug")
    missing = [field for field in FIELDS if not entry.get(field)]
    unknown = sorted(set(entry) - set(FIELDS))
    if missing or unknown:
        raise ValueError(f"persona {label}: missing {missing}, unknown {unknown}")
    text = {name: " ".join(str(entry[name]).split()) for name in FIELDS if name != "domains"}
    if not _SLUG.fullmatch(text["slug"]):
        raise ValueError(f"persona {label}: a slug is made of lower-case words joined by hyphens")
    for name, most in LONGEST.items():
        if len(text[name]) > most:
            raise ValueError(f"persona {label}: {name} has {len(text[name])} characters; the most is {most}")
    if not REASONS[0] <= len(text["reasons"]) <= REASONS[1]:
        raise ValueError(
            f"persona {label}: reasons has {len(text['reasons'])} characters; between {REASONS[0]} and {REASONS[1]}"
            " say how somebody thinks"
        )
    domains = tuple(dict.fromkeys(" ".join(str(domain).split()) for domain in entry["domains"]))
    if not DOMAINS[0] <= len(domains) <= DOMAINS[1] or any(not 0 < len(one) <= LONGEST_DOMAIN for one in domains):
        raise ValueError(
            f"persona {label}: name {DOMAINS[0]} to {DOMAINS[1]} domains of at most {LONGEST_DOMAIN} characters each"
        )
    if text["temperament"] not in TEMPERAMENTS:
        raise ValueError(f"persona {label}: temperament is one of {', '.join(TEMPERAMENTS)}")
    return Persona(
        text["slug"],
        text["name"],
        text["method"],
        text["reasons"],
        domains,
        text["temperament"],
        text["blind_spot"],
    )
