"""The minority report is somebody's: its holder must have voted otherwise, and its quote must be in that vote."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sessions.graph import words
from sessions.graph.schemas import Dissent

_SHORTEST_QUOTE = 12
_LONGEST = 400


def verified(dissent: Dissent, votes: Sequence[Mapping[str, Any]], leader: str) -> dict[str, str]:
    """``persona`` (the holder's name), ``position``, ``quote``; what does not hold up is replaced by the record.

    ``votes`` are rows of ``board_recommendation``; ``leader`` is the option that is recommended. The holder is the
    one the memo named if they voted otherwise, else the most confident of those who did. The quote is the memo's if it
    stands in the holder's vote word for word (apart from case, spaces and quotation marks), else the holder's reason
    that is nearest to the position. When all voted alike there is no holder and no quote, only the case against.
    """
    against = [vote for vote in votes if vote["option"] != leader]
    if not against:
        return {"persona": "", "position": dissent.position, "quote": ""}
    named = [vote for vote in against if _plain(vote["name"]) == _plain(dissent.persona)]
    if not named:
        holder = min(against, key=lambda vote: (-float(vote["confidence"]), vote["sub_problem"], vote["persona"]))
        return {"persona": holder["name"], "position": _cut(holder["recommendation"]), "quote": _telling(holder, "")}
    quoted = [vote for vote in named if _said(dissent.quote, vote)]
    if quoted:
        return {"persona": quoted[0]["name"], "position": dissent.position, "quote": _bare(dissent.quote)}
    holder = min(named, key=lambda vote: (-float(vote["confidence"]), vote["sub_problem"]))
    return {"persona": holder["name"], "position": dissent.position, "quote": _telling(holder, dissent.position)}


def _said(quote: str, vote: Mapping[str, Any]) -> bool:
    """Whether the quote stands in one of the vote's sentences. A few letters are no quote."""
    plain = _plain(quote)
    return len(plain) >= _SHORTEST_QUOTE and any(plain in _plain(sentence) for sentence in _sentences(vote))


def _telling(vote: Mapping[str, Any], position: str) -> str:
    candidates = [reason for reason in vote["reasons"] if reason.strip()] or [vote["recommendation"]]
    return _cut(max(candidates, key=lambda reason: words.closeness(reason, position)))


def _sentences(vote: Mapping[str, Any]) -> list[str]:
    return [vote["recommendation"], *vote["reasons"], *vote["conditions"], vote["would_change_my_mind"]]


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\"“”„'‘’]", "", text.casefold()).split()).strip(" .,;:…")


def _bare(quote: str) -> str:
    """Without the quotation marks around it; those inside it stay, also where one of them begins or ends it."""
    text = quote.strip()
    for opening, closing in (('"', '"'), ("“", "”"), ("„", "“"), ("'", "'"), ("‘", "’")):
        inner = text[1:-1]
        if len(text) > 1 and text[0] == opening and text[-1] == closing and not ({opening, closing} & set(inner)):
            return inner.strip()
    return text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
