"""Text and numbers that PostgreSQL can hold: what models and people send is not always that."""

import json
import math
import re
from typing import Any

#: Made once: ``json.dumps`` makes one for each call that wants anything special.
_STRICT = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(value: Any) -> Any:
    """``value`` (plain JSON types) without what ``jsonb`` and ``text`` refuse.

    NUL characters go, lone surrogates become U+FFFD, NaN and the infinities become their names as text. Other
    values come back unchanged; tuples become lists and keys become text.
    """
    if isinstance(value, str):
        if "\x00" in value:
            value = value.replace("\x00", "")
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {storable(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value


def storable_json(value: Any) -> str:
    """``storable(value)`` as JSON, quickly for what has nothing to be cleaned of, which is nearly everything."""
    try:
        text = _STRICT.encode(value)
        if "\\u0000" not in text:
            text.encode()
            return text
    except ValueError:  # no number, or half a character
        pass
    return json.dumps(storable(value), ensure_ascii=False)
