"""What a call costs, from the dated price list in ``prices.json``.

An unknown model has an unknown cost (None), never a cost of zero; and nothing in here raises, because a price that
cannot be found must not fail a call that was paid.
"""

import json
import logging
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from llm.types import Usage

logger = logging.getLogger(__name__)

PRICE_LIST = Path(__file__).with_name("prices.json")
_MILLION = Decimal(1_000_000)
_DATE_SUFFIX = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")
PLACES = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal

    def cost(self, usage: Usage) -> Decimal:
        total = (
            self.input * usage.input_tokens
            + self.output * usage.output_tokens
            + self.cache_read * usage.cache_read_tokens
            + self.cache_write * usage.cache_write_tokens
        )
        return (total / _MILLION).quantize(PLACES)


@dataclass(frozen=True, slots=True)
class Price:
    """A model's rates; ``long`` applies to the whole call once its prompt exceeds ``long_above`` tokens."""

    standard: Rate
    long: Rate | None = None
    long_above: int = 0

    def cost(self, usage: Usage) -> Decimal:
        rate = self.long if self.long is not None and usage.prompt_tokens > self.long_above else self.standard
        return rate.cost(usage)


@dataclass(frozen=True, slots=True)
class PriceList:
    date: str
    currency: str
    sources: dict[str, str]
    models: dict[str, Price]


def cost(model: str, usage: Usage | None, *, offline: bool = False) -> Decimal | None:
    """US dollars for ``usage`` on ``model``, to eight places; None when either is unknown."""
    if offline:
        return Decimal(0)
    if usage is None:
        return None
    price = find(model)
    return None if price is None else price.cost(usage)


def find(model: str) -> Price | None:
    """The price of a model id; a dated snapshot costs what its undated name costs."""
    models = prices().models
    return models.get(model) or models.get(_DATE_SUFFIX.sub("", model))


@cache
def prices() -> PriceList:
    try:
        return _read(PRICE_LIST)
    except Exception:
        logger.exception("The price list %s cannot be read: every cost is unknown until it is mended", PRICE_LIST)
        return PriceList("", "USD", {}, {})


@cache
def ceiling() -> Rate:
    """The dearest listed rate of each kind: what a call of unknown price is held to cost against a budget."""
    rates = [rate for price in prices().models.values() for rate in (price.standard, price.long) if rate is not None]
    if not rates:
        return Rate(Decimal(0), Decimal(0), Decimal(0), Decimal(0))
    return Rate(
        input=max(rate.input for rate in rates),
        output=max(rate.output for rate in rates),
        cache_read=max(rate.cache_read for rate in rates),
        cache_write=max(rate.cache_write for rate in rates),
    )


def _read(path: Path) -> PriceList:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return PriceList(
        date=data["date"],
        currency=data["currency"],
        sources=data["sources"],
        models={name: _price(entry) for name, entry in data["models"].items()},
    )


def _price(entry: dict[str, Any]) -> Price:
    long = entry.get("long")
    return Price(_rate(entry), _rate(long) if long else None, int(long["above"]) if long else 0)


def _rate(entry: dict[str, Any]) -> Rate:
    return Rate(*(Decimal(entry[kind]) for kind in ("input", "output", "cache_read", "cache_write")))
