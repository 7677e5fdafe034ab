"""The form in which passing words travel between processes: one message a voice, always its whole text so far.

Whole texts, so that a message may be lost, late or doubled, and whoever begins to watch in the middle misses nothing.
"""

import json
from dataclasses import dataclass

from sessions.cleaning import storable

#: NOTIFY channels, apart from the one that events ring: words to the web processes, and the ids of watched sessions
#: (hexadecimal, comma between) to the workers.
WORDS, WATCHED = "board_words", "board_watched"
#: The group and message type on the channel layer: ``{"words": [message, …]}`` and ``{"ids": "…"}``.
WORDS_GROUP, WORDS_KIND = "board-words", "board.words"
WATCHED_GROUP, WATCHED_KIND = "board-watched", "board.watched"
#: NOTIFY takes 7,999 bytes.
LARGEST = 7900


@dataclass(frozen=True, slots=True)
class Words:
    """``key``: the call, the same for all attempts. ``run`` grows when the answer begins anew (a retry, another
    provider). ``ended``: the call is over, and what it brought comes as an event or not at all."""

    session_id: str
    key: str
    node: str
    persona: str
    run: int
    text: str
    ended: bool = False


def encode(words: Words) -> str:
    """At most ``LARGEST`` bytes of UTF-8: a longer text is cut at its end."""
    text = storable(words.text)
    while True:
        message = json.dumps(
            [words.session_id, words.key, words.node, words.persona, words.run, text, words.ended],
            ensure_ascii=False,
            separators=(",", ":"),
        )
        over = len(message.encode()) - LARGEST
        if over <= 0:
            return message
        text = text[: -max(1, over // 4)]


def decode(message: str) -> Words | None:
    """``None`` for what is not a message of ours (another release's, perhaps)."""
    try:
        session_id, key, node, persona, run, text, ended = json.loads(message)
        return Words(str(session_id), str(key), str(node), str(persona), int(run), str(text), bool(ended))
    except (ValueError, TypeError):
        return None


def pack_ids(session_ids: list[str]) -> list[str]:
    """Payloads that name all of ``session_ids``."""
    short = [session_id.replace("-", "") for session_id in session_ids]
    return [",".join(short[at : at + 200]) for at in range(0, len(short), 200)]


def unpack_ids(payload: str) -> list[str]:
    """The ids in a payload of ``pack_ids``, written with hyphens."""
    return [
        f"{part[:8]}-{part[8:12]}-{part[12:16]}-{part[16:20]}-{part[20:]}"
        for part in payload.split(",")
        if len(part) == 32
    ]
