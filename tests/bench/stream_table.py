"""The table of the streams' benchmark: each figure of each contestant, and how ours stands to the others."""

from collections.abc import Iterator
from typing import Any

#: Figure, unit, and whether more is better.
FAN_OUT = (
    ("cpu_ms_an_event", "CPU an event, ms", False),
    ("cpu_us_a_delivery", "CPU a delivery, µs", False),
    ("p50_ms", "write to client p50, ms", False),
    ("p99_ms", "write to client p99, ms", False),
    ("memory_kib_a_client", "memory a client, KiB", False),
    ("threads", "threads", False),
    ("database_connections", "connections", False),
)
REPLAY = (("events_a_second", "events/s", True), ("cpu_us_an_event", "CPU an event, µs", False))
STORM = (("seconds", "s", False), ("cpu_ms_a_client", "CPU a client, ms", False), ("refused", "refused", False))

Line = tuple[str, dict[str, float], bool]


def table(found: dict[str, Any]) -> str:
    """Markdown. *ours / bare* is a quotient, *ahead of stock* says how many times better ours is."""
    lines = ["| | bare | ours | stock | ours / bare | ahead of stock |", "|---|---:|---:|---:|---:|---:|"]
    for name, values, more in _lines(found):
        bare, ours, stock = (values.get(peer) for peer in ("bare", "ours", "stock"))
        cells = ["–" if value is None else f"{value:,g}" for value in (bare, ours, stock)]
        ratio = f"{ours / bare:.2f}×" if ours and bare else "–"
        ahead = f"{ours / stock if more else stock / ours:.1f}×" if ours and stock else "–"
        lines.append(f"| {name} | {' | '.join(cells)} | {ratio} | {ahead} |")
    return "\n".join(lines)


def _lines(found: dict[str, Any]) -> Iterator[Line]:
    alone = {name: peer["alone"]["cpu_ms_an_event"] for name, peer in found.items()}
    yield "1 client: CPU an event, ms", alone, False
    for number, clients in _each(found, "fan_out"):
        for key, name, more in FAN_OUT:
            yield f"{clients:,} clients: {name}", _values(found, "fan_out", number, key), more
    for events in (1000, 10_000):
        for key, name, more in REPLAY:
            yield f"replay of {events:,}: {name}", _values(found, "replay", events, key), more
    for number, clients in _each(found, "storm"):
        for key, name, more in STORM:
            yield f"storm of {clients:,}: {name}", _values(found, "storm", number, key), more


def _each(found: dict[str, Any], part: str) -> list[tuple[int, int]]:
    longest = max((peer[part] for peer in found.values()), key=len)
    return [(number, row["clients"]) for number, row in enumerate(longest)]


def _values(found: dict[str, Any], part: str, which: int, key: str) -> dict[str, float]:
    def get(rows: Any) -> float | None:
        if isinstance(rows, list):
            return rows[which][key] if which < len(rows) else None
        return rows[which][key] if which in rows else None

    values = {name: get(peer[part]) for name, peer in found.items()}
    return {name: value for name, value in values.items() if value is not None}
