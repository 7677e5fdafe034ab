"""How the pages of plans write states."""

from django import template

from replanning.models import State

register = template.Library()


@register.filter
def state(value: str) -> str:
    """``in_progress`` as ``in progress``; what is no state stays as it is."""
    return State(value).label.lower() if value in State.values else value
