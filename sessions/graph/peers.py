"""What a persona hears of the others: arguments without people.

Conformity follows names and standing, so peers are letters, dealt anew for every reader and every round, and names
of the board are taken out of every text that a model wrote.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from string import ascii_uppercase
from typing import Any

from sessions.prompts import sections

_LETTER = re.compile(r"\b[Pp]articipant ([A-Z])\b")


def anonymous(text: str, names: Iterable[str]) -> str:
    """``text`` without any of ``names`` (whatever their case, whole words only, a leading "the" included)."""
    named = _naming(frozenset(names))
    if named is None:
        return text
    pattern, plain = named
    if plain is not None:
        folded = text.casefold().replace("i\u0307", "i").replace("ı", "i")  # IGNORECASE takes both for an i
        if not any(name in folded for name in plain):
            return text
    return pattern.sub("a participant", text)


@lru_cache(maxsize=512)  # a board's names are taken out of each of its texts
def _naming(names: frozenset[str]) -> "tuple[re.Pattern[str], tuple[str, ...] | None] | None":
    """What finds any of ``names`` in a text, and the folded names, one of which any match contains: to look for these
    first takes a tenth of the time. None for the latter where folding says less than the pattern, for both without
    names."""
    listed = sorted({name for name in names if name.strip()}, key=lambda name: (-len(name), name))
    if not listed:
        return None
    bare = [re.sub(r"^the\s+", "", name, flags=re.IGNORECASE) for name in listed]
    pattern = re.compile(rf"\b(?:the\s+)?(?:{'|'.join(map(re.escape, bare))})\b", re.IGNORECASE)
    return pattern, tuple(name.casefold() for name in bare) if all(map(str.isascii, bare)) else None


def heard(said: Sequence[Mapping[str, Any]], *, reader: str, round_: int, names: Iterable[str]) -> str:
    """The section of everybody's words but the reader's own. ``said`` are rows of ``board_contribution``."""
    hidden = list(names)
    lines = [
        anonymous(
            f"Participant {letter} (confidence {item['confidence']:.2f}) argues for {item['option']}: "
            + "; ".join([item["claim"], *item["reasons"], *(f"condition: {held}" for held in item["conditions"])]),
            hidden,
        )
        for letter, item in _dealt(said, reader, round_)
    ]
    return sections.items("peers", lines)


def unmasking(said: Sequence[Mapping[str, Any]], *, reader: str, round_: int) -> Callable[[str], str]:
    """Puts names in the place of the letters in a text of a reader who ``heard`` these rows.

    The owner reads who answers whom; nobody else can resolve a letter, since each is of one reader and one round. On
    their way into a prompt the names are taken out again.
    """
    names = {letter: str(item["name"]) for letter, item in _dealt(said, reader, round_)}
    return lambda text: _LETTER.sub(lambda found: names.get(found[1], found[0]), text)


def moderated(spoken: Sequence[Mapping[str, Any]], *, names: Iterable[str]) -> str:
    """The section of what a moderator has said into this round, without saying who it was. ``spoken`` are rows of
    ``board_intervention``."""
    hidden = list(names)
    lines = [line for item in spoken for line in (item["claim"], *item["points"], item["question"])]
    return sections.items("intervention", (anonymous(line, hidden) for line in lines))


def own(said: Sequence[Mapping[str, Any]], *, reader: str, names: Iterable[str]) -> str:
    """The section of what the reader itself said last, if it spoke."""
    mine = [item for item in said if item["persona"] == reader]
    hidden = list(names)
    return sections.table(
        "own",
        [
            (
                "You",
                item["option"],
                f"{item['confidence']:.2f}",
                anonymous(item["claim"], hidden),
                _reasons(item, hidden),
            )
            for item in mine[-1:]
        ],
    )


def _reasons(item: Mapping[str, Any], names: Iterable[str]) -> str:
    return anonymous("; ".join(item["reasons"]), names)


def _dealt(said: Sequence[Mapping[str, Any]], reader: str, round_: int) -> list[tuple[str, Mapping[str, Any]]]:
    """Everybody but the reader, each with a letter."""
    others = sorted((item for item in said if item["persona"] != reader), key=lambda item: _order(reader, round_, item))
    return list(zip(ascii_uppercase, others, strict=False))


def _order(reader: str, round_: int, item: Mapping[str, Any]) -> bytes:
    return blake2b(f"{reader}\x1f{round_}\x1f{item['persona']}\x1f{item['claim']}".encode(errors="replace")).digest()
