"""Prices are dated and sourced, unknown is not zero, and pricing never fails a paid call (LM6)."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from llm import pricing
from llm.types import Usage


def test_every_price_names_its_source() -> None:
    prices = pricing.prices()
    assert prices.date
    assert prices.currency == "USD"
    assert prices.models
    assert set(prices.sources) == {"anthropic", "openai", "offline"}


def test_every_kind_of_token_has_its_own_price() -> None:
    usage = Usage(input_tokens=1000, output_tokens=100, cache_read_tokens=10_000, cache_write_tokens=1000)
    # 1000 × 2.00 + 100 × 10.00 + 10,000 × 0.10 + 1000 × 2.50 dollars per million
    assert pricing.cost("claude-sonnet-5-5", usage) == Decimal("0.00650000")


def test_a_long_prompt_has_the_long_price() -> None:
    short, long = Usage(input_tokens=100_000), Usage(input_tokens=50_000, cache_read_tokens=50_001)
    assert pricing.cost("claude-haiku-5-5", short) == Decimal("0.01")
    assert pricing.cost("claude-haiku-5-5", long) == Decimal("0.02750005")


def test_a_dated_snapshot_costs_what_its_name_costs() -> None:
    usage = Usage(1000, 1000)
    assert pricing.cost("claude-haiku-4-5-20251001", usage) == pricing.cost("claude-haiku-4-5", usage) is not None
    assert pricing.find("gpt-6-sol-2026-09-22") == pricing.find("gpt-6-sol")


def test_an_unknown_model_has_an_unknown_cost() -> None:
    assert pricing.cost("nobody-knows", Usage(1, 1)) is None
    assert pricing.cost("claude-sonnet-5-5", None) is None


def test_an_offline_answer_costs_nothing_whatever_its_model_is_called() -> None:
    assert pricing.cost("nobody-knows", Usage(1, 1), offline=True) == 0
    assert pricing.cost("offline-core", Usage(1, 1)) == 0


@pytest.mark.parametrize("content", ["", "{", '{"models": {"x": {}}}', "[]"])
def test_a_broken_price_list_makes_costs_unknown_and_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    path = tmp_path / "prices.json"
    path.write_text(content)
    monkeypatch.setattr(pricing, "PRICE_LIST", path)
    pricing.prices.cache_clear()
    pricing.ceiling.cache_clear()
    try:
        assert pricing.cost("claude-sonnet-5-5", Usage(1, 1)) is None
        assert pricing.ceiling().cost(Usage(1, 1)) == 0
    finally:
        pricing.prices.cache_clear()
        pricing.ceiling.cache_clear()


def test_every_configured_model_has_a_price() -> None:
    for entry in settings.LLM_PROVIDERS.values():
        for model in entry["models"].values():
            assert pricing.find(model) is not None, f"{model} has no price"
