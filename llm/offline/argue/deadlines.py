"""Deadlines: how many days the owner has, where the decision says so and the day it was brought is known."""

import re
from datetime import date, datetime, timedelta

from llm.offline.prompt import Brief
from llm.offline.words import NUMBERS

_NUMBERS = {word: number for number, word in enumerate(NUMBERS) if number}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_UNITS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0}
_WITHIN = re.compile(rf"\bwithin (\d+|{'|'.join(_NUMBERS)}) (hour|day|week|month)s?\b", re.IGNORECASE)
_BY = r"\b(?:by|before|until|due on|due by|report on|done by)\s+"
_WEEKDAY = re.compile(rf"{_BY}({'|'.join(_DAYS)})\b", re.IGNORECASE)
_DATE = re.compile(rf"{_BY}(?:(\d{{1,2}})\s+)?({'|'.join(_MONTHS)})\b", re.IGNORECASE)
_END = re.compile(r"\bend of (?:the|this) (week|month)\b", re.IGNORECASE)


def days_left(brief: Brief) -> int | None:
    """Whole days from the day the decision was brought to the first date it names, at least 1; None without any."""
    text = "\n".join([brief.decision, brief.context, *brief.options, *brief.constraints])
    left = [
        (_NUMBERS.get(found[1].lower()) or int(found[1])) * _UNITS[found[2].lower()] for found in _WITHIN.finditer(text)
    ]
    today = _day(brief.brought)
    if today is not None:
        left += [(_DAYS.index(found[1].lower()) - today.weekday()) % 7 or 7 for found in _WEEKDAY.finditer(text)]
        left += [(_next(today, found[1], found[2]) - today).days for found in _DATE.finditer(text)]
        left += [_end(today, found[1].lower()) for found in _END.finditer(text)]
    return max(1, int(min(left))) if left else None


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%A, %d %B %Y").date()
    except ValueError:
        return None


def _next(today: date, day: str | None, month: str) -> date:
    """The next such day; the last of the month where none is given."""
    number = _MONTHS.index(month.lower()) + 1
    for year in (today.year, today.year + 1):
        first = date(year, number, 1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        found = first.replace(day=min(int(day), last.day)) if day and int(day) else last
        if found >= today:
            return found
    return today + timedelta(days=365)


def _end(today: date, unit: str) -> int:
    if unit == "week":
        return (4 - today.weekday()) % 7 or 7
    return (today.replace(day=28) + timedelta(days=4)).replace(day=1).toordinal() - today.toordinal() - 1
