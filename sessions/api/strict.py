"""Reading what a caller sends, strictly: nothing is guessed, nothing unknown is passed over."""

import difflib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, NoReturn

from django.core.exceptions import ValidationError as Invalid
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser

#: Unknown names that a single answer lists, and the letters of each that it repeats.
MAX_UNKNOWN, MAX_NAME = 10, 60


class StrictJSONParser(JSONParser):
    """JSON without the constants that JSON does not have, and without a way to exhaust the stack."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None


class Negotiation(DefaultContentNegotiation):
    """By the Accept header alone: a ``format`` in the query is a parameter like any other."""

    settings: Any = SimpleNamespace(URL_FORMAT_OVERRIDE=None)


_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


def _kind(value: Any) -> str:
    return "null" if value is None else _KINDS.get(type(value), "something else")


def refuse(expected: str, value: Any) -> NoReturn:
    raise ValidationError(f"This has to be {expected}, not {_kind(value)}.", "wrong_type")


class Text(serializers.CharField):
    """A JSON string, as it is. Its bounds are the service's business; ``longest`` is for the documentation."""

    default_error_messages: ClassVar = {
        "null": "This has to be a text, not null.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "allow_blank": True, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            refuse("a text", data)
        return data


class Whole(serializers.IntegerField):
    """A JSON number without a fraction; text and booleans are refused."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            refuse("a whole number", data)
        return data


class Flag(serializers.BooleanField):
    """JSON's true or false; the many words that HTML forms use for them are refused."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            refuse("true or false", data)
        return data


class Money(serializers.DecimalField):
    """A JSON number, or a text that holds one (which keeps every decimal place)."""

    default_error_messages: ClassVar = {"invalid": "This has to be a number such as 2.50."}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, (int, float, str)):
            refuse("a number", data)
        return super().to_internal_value(data)


class Day(serializers.DateField):
    """A date such as ``2030-06-30``."""

    default_error_messages: ClassVar = {"invalid": "This has to be a date such as 2030-06-30."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return super().to_internal_value(data)
        except (Invalid, OverflowError):
            self.fail("invalid")


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses what it does not know, and says what it might have meant."""

    unknown_code: ClassVar[str] = "unknown_field"
    unknown_text: ClassVar[str] = "There is no field “{name}”."

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError(
                {"non_field_errors": [ErrorDetail(f"The body has to be an object, not {_kind(data)}.", "wrong_type")]}
            )
        errors: dict[str, Any] = {}
        for name in sorted(set(data) - set(self.fields), key=str)[:MAX_UNKNOWN]:
            errors[name[:MAX_NAME]] = [ErrorDetail(self._unknown(name[:MAX_NAME]), self.unknown_code)]
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if isinstance(error.detail, dict):
                errors |= error.detail
        if errors:
            raise ValidationError(errors)
        return value

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, list(self.fields), 1)
        meant = f" Did you mean “{near[0]}”?" if near else f" Known: {', '.join(self.fields) or 'none'}."
        return self.unknown_text.format(name=name) + meant


class QuerySerializer(StrictSerializer):
    """The parameters of a query string. Whatever is wrong with one is an ``invalid_parameter``."""

    unknown_code = "unknown_parameter"
    unknown_text = "There is no parameter “{name}”."

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            details: dict[str, Any] = error.detail if isinstance(error.detail, dict) else {}
            raise ValidationError(
                {
                    name: [
                        d if d.code == self.unknown_code else ErrorDetail(f"{name}: {d}", "invalid_parameter")
                        for d in _leaves(found)
                    ]
                    for name, found in details.items()
                }
            ) from None


def _leaves(detail: Any) -> list[ErrorDetail]:
    if isinstance(detail, Mapping):
        detail = list(detail.values())
    if isinstance(detail, (list, tuple)):
        return [leaf for inner in detail for leaf in _leaves(inner)]
    return [detail]
