"""Texts that people and models hand in: checked where they are kept, tamed where they are passed on."""

import re

from replanning.errors import PlanError
from sessions.cleaning import storable

MAX_TITLE, MAX_OWNER, MAX_PROSE, MAX_REASON = 160, 80, 4_000, 2_000
#: Letters that no text needs: C0 but tab and line ends, DEL, C1, and marks that reverse the direction of reading.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def checked(value: str, field: str, limit: int, *, required: bool = False) -> str:
    """``value`` as it is kept. Raises ``PlanError``: ``required``, ``too_long`` or ``control_characters``."""
    text = str(storable(value)).replace("\r\n", "\n").strip()
    if required and not text:
        raise PlanError("required", f"“{field}” must not be empty.", field=field)
    if len(text) > limit:
        raise PlanError("too_long", f"This has {len(text):,} characters; the most is {limit:,}.", field=field)
    if _CONTROLS.search(text):
        raise PlanError(
            "control_characters", "The text contains control characters. Paste it as plain text.", field=field
        )
    return text


def tamed(value: object, limit: int) -> str:
    """``value`` for a prompt: no control characters, no towers of blank lines, at most ``limit`` characters."""
    text = _CONTROLS.sub("", str(storable(str(value))).replace("\r\n", "\n").replace("\r", "\n")).strip()
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]{3,}", "  ", text))
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def one_line(value: object, limit: int) -> str:
    return tamed(" ".join(str(value).split()), limit)
