"""What Prometheus would see."""

import httpx


def figures(url: str) -> dict[str, float]:
    """Every series of a web process now, over all processes of its host."""
    rows = [line.rsplit(" ", 1) for line in httpx.get(f"{url}/metrics", timeout=20).text.splitlines()]
    return {row[0]: float(row[1]) for row in rows if len(row) == 2 and not row[0].startswith("#")}


def total(found: dict[str, float], prefix: str) -> float:
    return sum(value for name, value in found.items() if name.startswith(prefix))
