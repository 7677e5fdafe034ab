"""From a schema to what providers are sent, and from their text back to a validated value.

Two kinds of mess are forgiven, because removing them cannot change what the model said: text around exactly one JSON
object (prose, code fences), and trailing commas. Everything else is an invalid answer: above all a cut-off object,
which must never be completed by guessing.
"""

import json
import re
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from llm.errors import Condition, LLMError
from llm.types import Usage

T = TypeVar("T", bound=BaseModel)

MAX_ANSWER_CHARS = 1_000_000
_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_TRAILING = re.compile(r",\s*[}\]]")


class AnswerInvalid(ValueError):
    """Says in words a model can act on what is wrong with its answer."""


def schema_name(schema: type[BaseModel]) -> str:
    """The schema's title, in the alphabet providers accept for names (at most 64 of ``a-zA-Z0-9_-``)."""
    return _NAME.sub("_", str(json_schema(schema).get("title") or schema.__name__))[:64]


@cache
def json_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model class. Shared between callers: copy before changing it."""
    return schema.model_json_schema()


def parse(schema: type[T], text: str) -> T:
    """The validated value of an answer. Raises ``AnswerInvalid``."""
    if not text.strip():
        raise AnswerInvalid("The answer is empty. Answer with one JSON object that fits the schema.")
    if len(text) > MAX_ANSWER_CHARS:
        raise AnswerInvalid(f"The answer has {len(text)} characters; at most {MAX_ANSWER_CHARS} are accepted.")
    try:
        return _storable(schema, schema.model_validate_json(text))
    except ValidationError as error:
        if not _is_syntax(error):
            raise AnswerInvalid(_explain(error)) from None
    try:
        return _storable(schema, schema.model_validate(_forgive(text)))
    except ValidationError as error:
        raise AnswerInvalid(_explain(error)) from None


def invalid_answer(provider: str, reason: AnswerInvalid, text: str, usage: Usage | None, model: str) -> LLMError:
    return LLMError(
        "invalid_answer",
        f"The model's answer does not have the required form; try again, or use another model. {reason}",
        condition=Condition.INVALID_ANSWER,
        provider=provider,
        usage=usage,
        model=model,
        answer=text[:20_000],
        billed=True,
    )


def _is_syntax(error: ValidationError) -> bool:
    return any(item["type"] == "json_invalid" for item in error.errors(include_url=False, include_input=False))


def _explain(error: ValidationError) -> str:
    """At most ten problems, each with where it is and what is wrong, without repeating the input."""
    items = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{'.'.join(str(part) for part in item['loc']) or 'answer'}: {item['msg']}" for item in items[:10]]
    if len(items) > 10:
        lines.append(f"and {len(items) - 10} more")
    return "; ".join(lines)


def _forgive(text: str) -> Any:
    """The only JSON object in a text. Raises ``AnswerInvalid`` when there is none, a cut one, or more than one."""
    decoder = json.JSONDecoder(parse_constant=_reject_constant)
    cleaned = _without_trailing_commas(text)
    start = cleaned.find("{")
    if start < 0:
        raise AnswerInvalid("The answer contains no JSON object.")
    try:
        value, end = decoder.raw_decode(cleaned, start)
    except (ValueError, RecursionError) as error:
        raise AnswerInvalid(f"The answer is not valid JSON: {error}") from None
    if "{" in cleaned[end:]:
        raise AnswerInvalid("The answer contains more than one JSON object; send exactly one.")
    return value


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _without_trailing_commas(text: str) -> str:
    """Drops a comma that is followed by a closing bracket, outside of strings."""
    start = text.find("{")
    if start < 0:
        return text
    out = [text[:start]]
    in_string = escaped = False
    for position in range(start, len(text)):
        char = text[position]
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char == "," and _TRAILING.match(text, position):
            continue
        out.append(char)
    return "".join(out)


def _storable(schema: type[T], value: T) -> T:
    """The value without NUL characters, which PostgreSQL cannot keep in text."""
    if "\\u0000" not in value.model_dump_json():
        return value
    return schema.model_validate(_without_nul(value.model_dump(mode="json")))


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value
