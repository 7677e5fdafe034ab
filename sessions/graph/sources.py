"""What each statement of a memo rests on: the references that its writer gave, checked; else the nearest words.

References stand in square brackets at the end of sentences, such as ``[v2, c5]``. One that does not exist is dropped;
the brackets leave the text in any case, whoever put them there.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from sessions.graph import words

_GIVEN = re.compile(r"\s*\[\s*((?:[cv]\d+)(?:\s*[,;]\s*[cv]\d+)*)\s*\]", re.IGNORECASE)
_SENTENCE = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][”’\"]))\s+(?=[^\s\]\[])")
#: Closeness of words (sessions/graph/words.py) from which a statement is held to rest on what somebody said.
NEAR = 0.2
#: At most so many sources for one statement.
MOST = 4


class Source(TypedDict):
    """``keys`` name rows of contributions and recommendations; ``by`` says who linked them: the ``board``'s writer, or
    the ``wording`` where the writer gave nothing that exists."""

    field: str
    index: int
    text: str
    keys: list[str]
    by: str


class References:
    """The references of one prompt, and the statements that were checked against them."""

    def __init__(self, votes: Sequence[Mapping[str, Any]], contributions: Sequence[Mapping[str, Any]]) -> None:
        self._rows: dict[str, Mapping[str, Any]] = {f"v{n}": row for n, row in enumerate(votes, 1)}
        self._rows |= {f"c{n}": row for n, row in enumerate(contributions, 1)}
        self._texts = [(_words(row), str(row["key"])) for row in self._rows.values()]
        self._names = {str(row["key"]): ref for ref, row in self._rows.items()}
        self.sources: list[Source] = []

    def of(self, row: Mapping[str, Any]) -> str:
        return self._names[str(row["key"])]

    @staticmethod
    def clean(text: str) -> str:
        """``text`` without references, for what has its source by its nature."""
        return _GIVEN.sub("", text).strip()

    def statement(self, field: str, text: str, index: int = 0) -> str:
        """``text`` without references; what its sentences rest on is kept in ``sources``."""
        for sentence in _SENTENCE.split(text):
            given = [ref.lower() for found in _GIVEN.findall(sentence) for ref in re.split(r"\s*[,;]\s*", found)]
            keys = list(dict.fromkeys(str(self._rows[ref]["key"]) for ref in given if ref in self._rows))
            plain = _GIVEN.sub("", sentence).strip()
            by = "board" if keys else "wording"
            keys = keys or self._nearest(plain)
            if plain and keys:
                self.sources.append({"field": field, "index": index, "text": plain, "keys": keys[:MOST], "by": by})
        return self.clean(text)

    def statements(self, field: str, texts: Sequence[str]) -> list[str]:
        return [self.statement(field, text, index) for index, text in enumerate(texts)]

    def _nearest(self, text: str) -> list[str]:
        scored = [(words.closeness(text, other), key) for other, key in self._texts]
        near = sorted((item for item in scored if item[0] >= NEAR), key=lambda item: (-item[0], item[1]))
        return [key for _, key in near[:1]]


def _words(row: Mapping[str, Any]) -> str:
    return " ".join([row.get("recommendation") or row.get("claim") or "", *row["reasons"], *row["conditions"]])
