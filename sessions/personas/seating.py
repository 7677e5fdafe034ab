"""From a model's choice to a board that is fit to sit: known people, nobody twice, three to five. Pure."""

from collections.abc import Collection, Mapping, Sequence

from sessions.graph import words
from sessions.personas.catalogue import Persona

FEWEST, MOST = 3, 5
_DOUBTERS = frozenset({"sceptical", "contrarian"})

#: A seat and the reason for it.
Seat = tuple[Persona, str]


def seated(
    chosen: Sequence[tuple[str, str]],
    people: Mapping[str, Persona],
    *,
    text: str,
    wanted: int = FEWEST,
    picked: Collection[str] = (),
    vetoed: Collection[str] = (),
) -> list[Seat]:
    """The board in order, each with the reason for it.

    ``chosen`` are (slug, reason) as a model gave them. Slugs are forgiven their case, spaces and underscores, and a
    name or method does for a slug; strangers, repetitions, retired people and second ones of a method are dropped.
    ``picked`` are the owner's wishes and sit first, whatever the model says; of ``vetoed`` nobody sits. A board that is
    then smaller than ``wanted`` (3 to 5) is filled by how well domains fit ``text``, then by what the board lacks: a
    doubter first. Equal input gives an equal board.
    """
    wanted = max(FEWEST, min(MOST, wanted))
    free = {slug: who for slug, who in people.items() if not who.retired and slug not in vetoed}
    known = _index(free)
    said = {found.slug: reason for slug, reason in reversed(chosen) if (found := known.get(_plain(slug)))}
    board: dict[str, Seat] = {}
    for slug in [slug for slug in picked if slug in free][:MOST]:
        board[slug] = (free[slug], _wish(free[slug], said.get(slug, "")))
    asked_for = list(board)
    for slug, reason in chosen:
        person = known.get(_plain(slug))
        if person is not None and person.slug not in board and not _doubled(person, board.values()):
            board[person.slug] = (person, reason)
    size = min(MOST, max(len(board) - len(asked_for), len(asked_for), FEWEST))
    while len(board) > size:
        del board[_least([who for who, _ in board.values()], asked_for)]
    if len(board) < min(wanted, len(chosen)) or len(board) < FEWEST:
        _fill(board, free, wanted=wanted, text=text)
    return list(board.values())


def replaced(
    board: Sequence[Seat],
    people: Mapping[str, Persona],
    *,
    unwanted: Collection[str],
    text: str,
    vetoed: Collection[str] = (),
) -> list[Seat]:
    """``board`` with the seats of ``unwanted`` given to the next best, in their places; the others stay where they are.

    ``vetoed`` are refused from before; neither they nor ``unwanted`` come back. A seat that nobody is left for goes.
    """
    out = {*unwanted, *vetoed}
    kept = {who.slug: (who, why) for who, why in board if who.slug not in out}
    free = {slug: who for slug, who in people.items() if not who.retired and slug not in out}
    whole = dict(kept)
    _fill(whole, free, wanted=len(board), text=text)
    fresh = iter([seat for slug, seat in whole.items() if slug not in kept])
    placed = [(who, why) if who.slug in kept else next(fresh, None) for who, why in board]
    return [seat for seat in placed if seat is not None]


def dealt(seats: int, families: Sequence[str]) -> list[str]:
    """The provider that each seat is asked through first: in turns, so that a board of three already has two model
    families. Empty where there is no choice."""
    if len(families) < 2:
        return [""] * seats
    return [families[number % len(families)] for number in range(seats)]


def _fill(board: dict[str, Seat], free: Mapping[str, Persona], *, wanted: int, text: str) -> None:
    subject = set(words.content(text))
    while len(board) < wanted:
        left = [who for who in free.values() if who.slug not in board and not _doubled(who, board.values())]
        if not left:
            return
        person = _next([who for who, _ in board.values()], left, subject)
        board[person.slug] = (person, _why(person, subject))


def _doubled(person: Persona, board: Collection[Seat]) -> bool:
    return any(who.method.casefold() == person.method.casefold() for who, _ in board)


def _least(board: Sequence[Persona], asked_for: Sequence[str]) -> str:
    """Whom the board misses least: the last that nobody asked for, but not its only doubter."""
    doubters = [who.slug for who in board if who.temperament in _DOUBTERS]
    mine = [who.slug for who in board if who.slug not in asked_for]
    spared = [slug for slug in mine if doubters != [slug]]
    return (spared or mine)[-1]


def _next(board: Sequence[Persona], free: Sequence[Persona], subject: set[str]) -> Persona:
    doubted = any(person.temperament in _DOUBTERS for person in board)
    tempers = {person.temperament for person in board}
    return min(
        free,
        key=lambda person: (
            not doubted and person.temperament not in _DOUBTERS,
            -_fit(person, subject),
            person.temperament in tempers,
            person.slug,
        ),
    )


def _fit(person: Persona, subject: set[str]) -> int:
    return len(_shared(person, subject))


def _shared(person: Persona, subject: set[str]) -> list[str]:
    return [domain for domain in person.domains if set(words.content(domain)) & subject]


def _why(person: Persona, subject: set[str]) -> str:
    shared = _shared(person, subject)
    about = f" Knows about {' and '.join(shared[:2])}." if shared else ""
    return f"Brings a method that nobody else at the table has: {person.method}.{about}"


def _wish(person: Persona, reason: str) -> str:
    return f"You asked for this seat. {reason or f'Its method: {person.method}.'}"


def _index(people: Mapping[str, Persona]) -> dict[str, Persona]:
    known: dict[str, Persona] = {}
    for person in people.values():
        for alias in (person.slug, person.name, person.method):
            known.setdefault(_plain(alias), person)
    return known


def _plain(text: str) -> str:
    return "-".join(text.casefold().replace("_", " ").replace("-", " ").split())
