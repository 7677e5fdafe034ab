"""Store many actions so that a bad one never loses the good ones (DB5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DataError, IntegrityError, transaction

from replanning.models import Action

#: Rows per savepoint.
CHUNK = 20


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not stored. ``index``: its place in what was handed in, from 0; ``code`` is stable."""

    index: int
    title: str
    code: str
    message: str


def store(rows: Sequence[tuple[int, Action]]) -> tuple[list[Action], list[Rejected]]:
    """Insert ``rows`` (index, action) in chunks with a savepoint each, in the caller's transaction.

    A chunk that the database refuses is stored row by row, so that only the bad rows are left out. Only errors that
    speak of a row are caught: a lost connection or a deadlock is nobody's bad row and ends the whole transaction.
    """
    saved: list[Action] = []
    rejected: list[Rejected] = []
    for at in range(0, len(rows), CHUNK):
        chunk = rows[at : at + CHUNK]
        try:
            with transaction.atomic():
                saved += Action.objects.bulk_create([action for _, action in chunk])
        except (IntegrityError, DataError):
            for index, action in chunk:
                try:
                    with transaction.atomic():
                        action.save(force_insert=True)
                except (IntegrityError, DataError) as error:
                    rejected.append(Rejected(index, action.title, _code(error), _message(error)))
                else:
                    saved.append(action)
    return saved, rejected


def _code(error: Exception) -> str:
    return "already_accepted" if _constraint(error) == "action_proposal" else "refused_by_database"


def _message(error: Exception) -> str:
    if _constraint(error) == "action_proposal":
        return "Somebody else has just accepted it."
    diagnosis = getattr(error.__cause__, "diag", None)
    primary = getattr(diagnosis, "message_primary", None) or str(error)
    return f"The database refused it: {primary}"


def _constraint(error: Exception) -> Any:
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
