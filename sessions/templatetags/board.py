"""How the pages write money, time, shares and faces."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions.wording import money, provider

register = template.Library()

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


register.filter("money", money)


@register.filter
def percent(share: float | None) -> str:
    """A share of 0 to 1 as whole per cent."""
    return "unknown" if share is None else f"{share:.0%}"


@register.filter
def hundred(share: float) -> int:
    """A share of 0 to 1 as 0 to 100, for the width of a bar."""
    return round(100 * min(1.0, max(0.0, share)))


@register.filter
def at(items: list[Any], index: int) -> Any:
    """The item at ``index``, or nothing when the list is shorter."""
    return items[index] if index < len(items) else ""


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago (or how far ahead) ``moment`` is, in its largest whole unit."""
    if moment is None:
        return ""
    seconds = (timezone.now() - moment).total_seconds()
    for size, name in _UNITS:
        count = int(abs(seconds) // size)
        if count:
            words = f"{count} {name}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now"


@register.filter
def lasting(span: timedelta | None) -> str:
    """A duration such as ``4 min 09 s``."""
    if span is None:
        return ""
    total = max(0, int(span.total_seconds()))
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


@register.filter
def iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


@register.simple_tag
def when(moment: datetime | None, style: str = "full") -> SafeString:
    """A ``<time>`` with time zone and relative form; with ``style="ago"`` the exact one is only its title."""
    if moment is None:
        return SafeString("")
    local = timezone.localtime(moment)
    exact = f"{local.day} {local:%b %Y, %H:%M %Z}"
    if style == "ago":
        return format_html('<time datetime="{}" title="{}" data-ago>{}</time>', iso(local), exact, ago(moment))
    return format_html(
        '<time datetime="{}">{}</time> <span class="ago">(<span data-ago="{}">{}</span>)</span>',
        iso(local),
        exact,
        iso(local),
        ago(moment),
    )


@register.simple_tag
def day(moment: datetime | None) -> SafeString:
    """A ``<time>`` with the day only."""
    if moment is None:
        return SafeString("")
    local = timezone.localtime(moment)
    return format_html('<time datetime="{}">{} {}</time>', f"{local:%Y-%m-%d}", local.day, f"{local:%b %Y}")


@register.filter
def counted(number: int, noun: str) -> str:
    """``2|counted:"round"`` is ``2 rounds``; ``"reply,replies"`` gives an irregular plural."""
    one, _, many = noun.partition(",")
    return f"{number:,} {one if number == 1 else many or one + 's'}"


@register.filter
def grouped(number: int) -> str:
    """``12,500`` for twelve and a half thousand."""
    return f"{number:,}"


register.filter("provider", provider)


@register.filter
def sentence(text: Any) -> str:
    """``text`` with a full stop unless it ends in punctuation of its own."""
    words = str(text).strip()
    return words if not words or words[-1] in '.!?…:”"' else f"{words}."
