"""Numbers as people and models write them: ``$1,234.50``, ``−3``, ``12 %``, ``3/4``."""

import re
from decimal import Decimal, InvalidOperation

_WHOLE = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
_NUMBER = re.compile(rf"[-−–]?(?:{_WHOLE}(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{{1,2}}\b)?(?:\s?/\s?[1-9]\d*)?")
#: Longer digits are no answer, and would only make arithmetic slow.
_LONGEST = 40


def last_number(text: str) -> Decimal | None:
    """The last number in a text, None when there is none. ``3/4`` is 0.75; signs of currency and per cent are left out.

    A minus counts only where a number could begin: in ``10-12`` the last number is 12.
    """
    found: Decimal | None = None
    for match in _NUMBER.finditer(text):
        value = _value(match, text)
        found = value if value is not None else found
    return found


def plain(value: Decimal) -> str:
    """The one way to write a number, so that equal numbers are equal texts: ``12.50`` is ``12.5``."""
    text = f"{value if value else abs(value):f}"  # zero has a sign
    return text.rstrip("0").rstrip(".") if "." in text else text


def equal(one: Decimal, other: Decimal, tolerance: Decimal = Decimal(0)) -> bool:
    """Whether two numbers differ by no more than ``tolerance`` (absolute)."""
    return abs(one - other) <= tolerance


def _value(match: re.Match[str], text: str) -> Decimal | None:
    token = match[0].replace(",", "").replace(" ", "").replace("−", "-").replace("–", "-")
    if len(token) > _LONGEST:
        return None
    before = text[match.start() - 1] if match.start() else ""
    if token.startswith("-") and (before.isalnum() or before in (")", "]")):
        token = token[1:]
    above, _, below = token.partition("/")
    try:
        return Decimal(above) / Decimal(below) if below else Decimal(above)
    except InvalidOperation:
        return None
