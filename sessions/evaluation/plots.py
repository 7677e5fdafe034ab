"""Plots as inline SVG: drawn by hand, named for screen readers, coloured by the page's own variables.

Marks differ by shape as well as by colour, and every value stands beside its mark in words.
"""

from collections.abc import Sequence
from html import escape

from sessions.evaluation.figures import ModeFigures
from sessions.evaluation.statistics import Estimate

WIDTH, LEFT, RIGHT = 480, 124, 118
ROW = 44
TURNS = ("to right", "to wrong", "sideways")
LABELS = {"to right": "to right", "to wrong": "to wrong", "sideways": "other"}


def intervals(title: str, rows: Sequence[tuple[str, Estimate | None]]) -> str:
    """Shares with their 95 % intervals, one row a mode."""
    height = ROW * len(rows) + 46
    parts = [_grid(height)]
    for number, (name, found) in enumerate(rows):
        y = 14 + ROW * number + ROW / 2
        parts.append(_text(LEFT - 12, y + 5, name, "end"))
        if found is None:
            parts.append(_text(LEFT + 8, y + 5, "no case to measure it on", css="soft"))
            continue
        low, at, high = _share(found.low), _share(found.value), _share(found.high)
        parts.append(_bar(number, low, y, high, y))
        parts += [_bar(number, x, y - 6, x, y + 6) for x in (low, high)]
        parts.append(_mark(number, at, y))
        parts.append(_text(WIDTH - RIGHT + 12, y + 5, f"{found.value:.0%} (n={found.count})"))
    words = "; ".join(f"{name} {_words(found)}" for name, found in rows)
    return _svg(title, words, height, parts)


def tokens_against_accuracy(modes: Sequence[ModeFigures], budget: int) -> str:
    """Mean tokens a case against accuracy, with the budget as a line."""
    top, base = 30, 250
    shown = [item for item in modes if item.accuracy is not None and item.tokens is not None]
    most = max([budget * 1.15, *(item.tokens.high * 1.1 for item in shown if item.tokens)])

    def across(tokens: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * tokens / most, 1)

    def up(share: float) -> float:
        return round(base - (base - top) * share, 1)

    parts = [f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}"/>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{up(share)}" x2="{WIDTH - RIGHT}" y2="{up(share)}"/>')
        parts.append(_text(LEFT - 12, up(share) + 5, f"{share:.0%}", "end"))
    line = across(budget)
    parts.append(f'<line class="budget" x1="{line}" y1="{top}" x2="{line}" y2="{base}"/>')
    parts.append(_text(line, base + 20, f"budget {budget:,}", "middle"))
    parts.append(_text(LEFT, base + 40, "tokens a case, mean →", css="soft"))
    for number, item in enumerate(modes):
        if item not in shown or item.accuracy is None or item.tokens is None:
            continue
        x, y = across(item.tokens.value), up(item.accuracy.value)
        parts.append(_bar(number, x, up(item.accuracy.low), x, up(item.accuracy.high)))
        parts.append(_bar(number, across(item.tokens.low), y, across(item.tokens.high), y))
        parts.append(_mark(number, x, y))
        end = x > WIDTH * 0.62
        parts.append(_text(x - 12 if end else x + 12, y - 10, item.mode, "end" if end else "start"))
    words = "; ".join(
        f"{item.mode} {item.tokens.value:,.0f} tokens at {item.accuracy.value:.0%}"
        for item in shown
        if item.tokens and item.accuracy
    )
    return _svg("Tokens against accuracy", words or "no case with a key", base + 52, parts)


def flips(modes: Sequence[ModeFigures]) -> str:
    """How often the answer differs from what the first voices would have given, by what it turned into."""
    most = max([1, *(item.turns[turn] for item in modes for turn in TURNS)])
    row, gap = 20, 32
    height = (row * len(TURNS) + gap) * len(modes) + 8
    parts = []
    for number, item in enumerate(modes):
        top = gap - 6 + number * (row * len(TURNS) + gap)
        parts.append(_text(LEFT, top - 6, item.mode))
        for place, turn in enumerate(TURNS):
            y, count = top + row * place, item.turns[turn]
            width = round((WIDTH - LEFT - RIGHT) * count / most, 1)
            parts.append(_text(LEFT - 10, y + 15, LABELS[turn], "end", css="soft"))
            parts.append(f'<rect class="t{place}" x="{LEFT}" y="{y + 3}" width="{max(width, 1)}" height="{row - 6}"/>')
            parts.append(_text(LEFT + width + 8, y + 15, str(count)))
    words = "; ".join(
        f"{item.mode} " + ", ".join(f"{item.turns[turn]} {LABELS[turn]}" for turn in TURNS) for item in modes
    )
    return _svg("Answers that differ from the first voices'", words, height, parts)


def _grid(height: int) -> str:
    lines = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _share(share)
        lines.append(f'<line class="grid" x1="{x}" y1="8" x2="{x}" y2="{height - 26}"/>')
        lines.append(_text(x, height - 8, f"{share:.0%}", "middle"))
    return "".join(lines)


def _share(value: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, value)), 1)


def _bar(number: int, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="m{number % 3} bar" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _mark(number: int, x: float, y: float) -> str:
    kind = number % 3
    if kind == 0:
        return f'<circle class="m0 dot" cx="{x}" cy="{y}" r="7"/>'
    if kind == 1:
        return f'<rect class="m1 dot" x="{x - 6.5}" y="{y - 6.5}" width="13" height="13"/>'
    return f'<path class="m2 dot" d="M{x} {y - 8} L{x + 8} {y + 7} L{x - 8} {y + 7} Z"/>'


def _text(x: float, y: float, words: str, anchor: str = "start", css: str = "") -> str:
    kind = f' class="{css}"' if css else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def _words(found: Estimate | None) -> str:
    return "not measured" if found is None else f"{found.value:.0%} ({found.low:.0%} to {found.high:.0%})"


def _svg(title: str, words: str, height: float, parts: Sequence[str]) -> str:
    label = escape(f"{title}: {words}.", quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(parts)}</svg>"
    )
