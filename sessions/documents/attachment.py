"""A document before it is a row: as it was sent, as it was read, and why it cannot be taken."""

import hashlib
import re
from dataclasses import dataclass

from sessions.cleaning import storable

#: Bounds of what is attached to one decision. Together with the form they keep a request under ``LARGEST_REQUEST``.
MOST, LARGEST, LARGEST_TOTAL = 5, 5_000_000, 12_000_000
LARGEST_REQUEST = LARGEST_TOTAL + 2_000_000
#: Characters of text that a document may have, and pages of a PDF. Longer ones are refused, never cut unseen.
LONGEST, MOST_PAGES = 200_000, 200
LONGEST_NAME = 120

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class InvalidDocument(ValueError):
    """A document that cannot be taken. ``code`` and ``field`` (``documents.0`` is the first) say why and which, the
    text what to do."""

    def __init__(self, code: str, message: str, position: int | None = None) -> None:
        self.code = code
        self.field = "documents" if position is None else f"documents.{position}"
        super().__init__(message)

    def at(self, position: int, name: str) -> "InvalidDocument":
        """The same refusal, which says of which document it is."""
        return InvalidDocument(self.code, f"{name}: {self}", position)


@dataclass(frozen=True, slots=True)
class Upload:
    """A document as it was sent. What it is called is what its sender says, and proves nothing."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document that was read. ``size`` is in bytes as sent, ``sha256`` is of these bytes; ``pages`` only for PDF."""

    name: str
    kind: str
    size: int
    pages: int | None
    text: str
    sha256: str


def clean_name(name: str) -> str:
    """The last part of a path, without characters that print nothing or turn the line round, at most 120 characters."""
    last = str(storable(name)).replace("\\", "/").rsplit("/", 1)[-1]
    plain = " ".join(_UNPRINTABLE.sub(" ", last).split())
    if len(plain) > LONGEST_NAME:
        stem, dot, ending = plain.rpartition(".")
        ending = f".{ending}" if dot and len(ending) <= 8 else ""
        plain = f"{(stem if ending else plain)[: LONGEST_NAME - len(ending) - 1]}…{ending}"
    return plain or "document"
