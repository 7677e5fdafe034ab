"""Which of the options somebody means: models do not always repeat an option letter by letter."""

import re
from collections.abc import Sequence

from sessions.graph import words

#: Words just before an option that say that it is not the one.
_TURNED_DOWN = re.compile(
    r"\b(?:not|never|n['’]t|no|against|than|instead of|without|reject|avoid|over)\W+(?:\w+\W+){0,2}$", re.IGNORECASE
)
#: Overlap of content words (Jaccard) from which a text is taken for an option, and for no new one.
ALIKE, SAME = 0.6, 0.8
#: Characters of an option's name; the answers' schemas leave room for 400.
LONGEST = 380


def meant(text: str, options: Sequence[str]) -> str:
    """The option ``text`` stands for, or ``text`` itself (stripped) when it is none of them.

    In this order: the same text apart from case, spaces and punctuation at the ends; the only option one contains the
    other of; the only one with more than half of whose own words (those no other option has) it shares; the one whose
    content words overlap most, by 0.6 or more.
    """
    named = _named(text, options)
    if named:
        return named
    stems = set(words.content(text))
    sets = [set(words.content(option)) for option in options]
    telling = []
    for number, option in enumerate(options):
        others = set().union(*(stems_of for n, stems_of in enumerate(sets) if n != number))
        own = sets[number] - others
        if own and len(own & stems) / len(own) > 0.5:
            telling.append(option)
    if len(telling) == 1:
        return telling[0]
    return _nearest(stems, options, ALIKE) or " ".join(text.split())


def united(owner: Sequence[str], board: Sequence[str], *, limit: int = 6) -> list[str]:
    """The owner's options, all of them and in the owner's words, then what the board added, at most ``limit`` in all
    (the owner's are never dropped). An addition that says the same as an option in the list is left out.

    An option is a name that others must be able to repeat: what is longer than 380 characters is cut at a word.
    """
    kept = list(dict.fromkeys(_name(option) for option in owner if option.strip()))
    for option in board:
        if len(kept) >= limit:
            break
        known = {_plain(item) for item in kept}
        if _plain(option) not in known and not _nearest(set(words.content(option)), kept, SAME):
            kept.append(_name(option))
    return kept


def recommended(sentence: str, options: Sequence[str], leader: str) -> str:
    """The option that a recommendation is for: the first it names without turning it down, else ``leader``.

    A memo may depart from the votes; its minority are then those who voted for the leader.
    """
    said = f" {_plain(sentence)} "
    found: list[tuple[int, int, str]] = []
    for option in options:
        name = _plain(option)
        at = said.find(name) if name else -1
        if at >= 0 and not _TURNED_DOWN.search(said[:at]):
            found.append((at, -len(name), option))
    return min(found)[2] if found else leader


def _named(text: str, options: Sequence[str]) -> str:
    said = _plain(text)
    for option in options:
        if _plain(option) == said:
            return option
    holding = [option for option in options if _holds(said, _plain(option))]
    return holding[0] if len(holding) == 1 else ""


def _nearest(stems: set[str], options: Sequence[str], least: float) -> str:
    best = max(options, key=lambda option: words.overlap(stems, words.content(option)), default="")
    return best if best and words.overlap(stems, words.content(best)) >= least else ""


def _name(option: str) -> str:
    name = " ".join(option.split())
    return name if len(name) <= LONGEST else name[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,:;!?\"'“”‘’-–—")


def _holds(one: str, other: str) -> bool:
    return bool(one and other) and (f" {one} " in f" {other} " or f" {other} " in f" {one} ")
