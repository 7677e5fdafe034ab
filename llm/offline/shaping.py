"""Shaping: makes an answer fit its JSON Schema, and invents one where the schema is unknown.

Bounds are read from the schema's keywords and, where a provider's SDK moved them there, from descriptions such as
"{maxLength: 120}".
"""

import re
from functools import lru_cache
from typing import Any

from llm.offline.asking import Json
from llm.offline.seeds import Dice

_MOVED = re.compile(r"\b(minimum|maximum|minLength|maxLength|minItems|maxItems): (-?\d+(?:\.\d+)?)")
_MISSING: Any = object()
DEEPEST = 12


class Shaper:
    """Walks one schema. `phrases` are texts from the prompt, used where a string must be made up."""

    def __init__(self, schema: Json, dice: Dice, phrases: list[str]) -> None:
        self._defs = schema.get("$defs") or schema.get("definitions") or {}
        self._dice = dice
        self._phrases = phrases or ["The request gives no further facts."]

    def fit(self, value: Any, schema: Json, depth: int = 0) -> Any:
        """`value` cut, clamped and completed until it fits `schema`."""
        schema = self._resolve(schema)
        if value is _MISSING or depth > DEEPEST:
            return self._invent(schema, depth)
        for allowed in (schema.get("enum"), [schema["const"]] if "const" in schema else None):
            if allowed:
                return value if value in allowed else self._dice.pick(allowed)
        kind = _kind(schema, value)
        if kind == "object":
            return self._object(value if isinstance(value, dict) else {}, schema, depth)
        if kind == "array":
            return self._array(value if isinstance(value, list) else [], schema, depth)
        if kind == "string":
            return self._string(str(value), schema)
        if kind in ("number", "integer") and not isinstance(value, bool):
            number = value if isinstance(value, int | float) else 0
            return self._number(float(number), schema, whole=kind == "integer")
        if kind == "boolean":
            return bool(value)
        return None if kind == "null" else value

    def _resolve(self, schema: Json) -> Json:
        for _ in range(DEEPEST):
            if "$ref" in schema:
                schema = self._defs.get(str(schema["$ref"]).rsplit("/", 1)[-1], {})
            elif schema.get("allOf"):
                schema = {**schema, **schema["allOf"][0], "allOf": None}
            elif schema.get("anyOf") or schema.get("oneOf"):
                choices = schema.get("anyOf") or schema.get("oneOf") or [{}]
                real = [choice for choice in choices if choice.get("type") != "null"]
                schema = (real or choices)[0]
            else:
                break
        return schema

    def _object(self, value: Json, schema: Json, depth: int) -> Json:
        properties = schema.get("properties")
        if properties is None:
            return value
        wanted = {key: self.fit(value.get(key, _MISSING), inner, depth + 1) for key, inner in properties.items()}
        if schema.get("additionalProperties") not in (False, None):
            return value | wanted
        return wanted

    def _array(self, value: list[Any], schema: Json, depth: int) -> list[Any]:
        least, most = _bound(schema, "minItems", 0), _bound(schema, "maxItems", 1_000)
        inner = schema.get("items") or {}
        items = [self.fit(item, inner, depth + 1) for item in value[: int(most)]]
        while len(items) < least:
            items.append(self._invent(self._resolve(inner), depth + 1))
        return items

    def _string(self, value: str, schema: Json) -> str:
        most, least = int(_bound(schema, "maxLength", 100_000)), int(_bound(schema, "minLength", 0))
        text = shorten(value.strip(), most)
        while len(text) < least:
            text = shorten((text + " " + self._dice.pick(self._phrases)).strip(), most).ljust(least, ".")
        return text

    def _number(self, value: float, schema: Json, *, whole: bool) -> float | int:
        low, high = _bound(schema, "minimum", value), _bound(schema, "maximum", value)
        bounded = min(max(value, low), high)
        return round(bounded) if whole else bounded

    def _invent(self, schema: Json, depth: int) -> Any:
        if schema.get("enum"):
            return self._dice.pick(schema["enum"])
        if "const" in schema:
            return schema["const"]
        if "default" in schema:
            return schema["default"]
        kind = _kind(schema, None)
        if kind == "object":
            return {} if depth > DEEPEST else self._object({}, schema, depth)
        if kind == "array":
            least, most = int(_bound(schema, "minItems", 0)), int(_bound(schema, "maxItems", 2))
            inner = self._resolve(schema.get("items") or {})
            size = 0 if depth > DEEPEST else max(least, min(2, most))
            return [self._invent(inner, depth + 1) for _ in range(size)]
        if kind in ("number", "integer"):
            low = _bound(schema, "minimum", 0.0)
            high = _bound(schema, "maximum", low + 1.0 if kind == "number" else low + 10.0)
            return self._number(round(self._dice.between(low, high), 2), schema, whole=kind == "integer")
        if kind == "boolean":
            return self._dice.pick([True, False])
        if kind == "null":
            return None
        known = {"date": "2030-01-01", "date-time": "2030-01-01T09:00:00Z", "email": "owner@example.org",
                 "uri": "https://example.org/", "uuid": "00000000-0000-4000-8000-000000000000"}  # fmt: skip
        if schema.get("format") in known:
            return known[schema["format"]]
        return self._string(self._dice.pick(self._phrases), schema)


def shorten(text: str, most: int) -> str:
    """`text` in at most `most` characters, cut at a word with an ellipsis."""
    if len(text) <= most:
        return text
    if most < 8:
        return text[:most]
    cut = text[: most - 1]
    at = cut.rfind(" ")
    return (cut[:at] if at > most // 2 else cut).rstrip(" ,;:–—-") + "…"


def _kind(schema: Json, value: Any) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind:
        return str(kind)
    if "properties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    kinds = {dict: "object", list: "array", bool: "boolean", int: "integer", float: "number"}
    return kinds.get(type(value), "string")


def _bound(schema: Json, word: str, default: float) -> float:
    value = schema.get(word)
    if isinstance(value, int | float):
        return value
    description = schema.get("description")
    return _moved(description).get(word, default) if isinstance(description, str) else default


@lru_cache(maxsize=2048)
def _moved(description: str) -> dict[str, float]:
    return {word: float(number) for word, number in _MOVED.findall(description)}
