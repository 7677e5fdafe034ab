"""How the pages of plans write states."""

from datetime import date
from typing import Any

from django import template
from django.utils import formats

from replanning.models import State

register = template.Library()


@register.filter
def state(value: str) -> str:
    """``in_progress`` as ``in progress``; what is no state stays as it is."""
    return State(value).label.lower() if value in State.values else value


@register.filter
def iso_day(value: str | None) -> str:
    """``2030-06-01`` as ``1 Jun 2030``; nothing as ``open``."""
    return formats.date_format(date.fromisoformat(value), "j M Y") if value else "open"


@register.filter
def of(items: dict[Any, Any], key: Any) -> Any:
    """The value under ``key``, or nothing."""
    return items.get(key)
