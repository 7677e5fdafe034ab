"""From a model's choice to a board that is fit to sit: known people, nobody twice, three to five. Pure."""

from collections.abc import Mapping, Sequence

from sessions.graph import words
from sessions.personas.catalogue import Persona

FEWEST, MOST = 3, 5
_DOUBTERS = frozenset({"sceptical", "contrarian"})


def seated(
    chosen: Sequence[tuple[str, str]], people: Mapping[str, Persona], *, text: str, wanted: int = FEWEST
) -> list[tuple[Persona, str]]:
    """The board in order, each with the reason for it.

    ``chosen`` are (slug, reason) as a model gave them. Slugs are forgiven their case, spaces and underscores, and a
    name or method does for a slug; strangers and repetitions are dropped. A board that is then smaller than ``wanted``
    (3 to 5) is filled by how well domains fit ``text``, then by what the board lacks: a doubter first. Equal input
    gives an equal board.
    """
    wanted = max(FEWEST, min(MOST, wanted))
    known = _index(people)
    board: dict[str, tuple[Persona, str]] = {}
    for slug, reason in chosen:
        person = known.get(_plain(slug))
        if person is not None and person.slug not in board and len(board) < MOST:
            board[person.slug] = (person, reason)
    if len(board) < min(wanted, len(chosen)) or len(board) < FEWEST:
        subject = set(words.content(text))
        while len(board) < min(wanted, len(people)):
            person = _next(
                [who for who, _ in board.values()], [who for who in people.values() if who.slug not in board], subject
            )
            board[person.slug] = (person, _why(person, subject))
    return list(board.values())


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
    about = f" and knows about {' and '.join(shared[:2])}" if shared else ""
    return f"Reasons by {person.method}, which nobody else at the table does{about}."


def _index(people: Mapping[str, Persona]) -> dict[str, Persona]:
    known: dict[str, Persona] = {}
    for person in people.values():
        for alias in (person.slug, person.name, person.method):
            known.setdefault(_plain(alias), person)
    return known


def _plain(text: str) -> str:
    return "-".join(text.casefold().replace("_", " ").replace("-", " ").split())
