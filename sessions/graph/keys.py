"""Keys of rows, events and turns. They depend on nothing but the place in the deliberation, so a step that runs twice
writes once. A key that has been released never changes: stored sessions are full of them.
"""

#: Last parts of keys that no persona's slug may take.
RESERVED = frozenset({"assessment", "seat", "vote", "failed", "moderator"})


def part(sub_problem: int) -> str:
    return f"sp{sub_problem}"


def round_(sub_problem: int, number: int) -> str:
    return f"sp{sub_problem}:r{number}"


def turn(sub_problem: int, number: int, persona: str) -> str:
    """One persona's turn in one round, for example ``sp0:r2:pre-mortem``."""
    return f"sp{sub_problem}:r{number}:{persona}"


def assessment(sub_problem: int, number: int) -> str:
    return f"sp{sub_problem}:r{number}:assessment"


def seat(sub_problem: int, persona: str) -> str:
    return f"sp{sub_problem}:seat:{persona}"


def board(sub_problem: int) -> str:
    return f"sp{sub_problem}:board"


def vote(sub_problem: int, persona: str) -> str:
    return f"sp{sub_problem}:vote:{persona}"


def failure(turn_key: str, fence: int) -> str:
    """A failed turn may fail again after a retry; that is another event."""
    return f"{turn_key}:failed:{fence}"


def phase(name: str, sub_problem: int | None = None) -> str:
    return f"phase:{name}" if sub_problem is None else f"phase:{name}:sp{sub_problem}"


def moderator(sub_problem: int, number: int) -> str:
    """What a moderator says into round ``number``."""
    return f"sp{sub_problem}:r{number}:moderator"


def settled(sub_problem: int) -> str:
    return f"sp{sub_problem}:settled"


def broken(sub_problem: int, fence: int) -> str:
    return f"sp{sub_problem}:broken:{fence}"


def action(position: int) -> str:
    return f"action:{position}"
