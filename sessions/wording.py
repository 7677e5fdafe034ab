"""Numbers in words, alike on pages and in exports."""

from decimal import Decimal


def money(amount: Decimal | None) -> str:
    """US dollars; an unknown amount is never shown as zero."""
    if amount is None:
        return "unknown"
    if 0 < amount < Decimal("0.01"):
        return "under US$0.01"
    return f"US${amount:,.2f}"


def provider(name: str) -> str:
    """A provider's name as it writes itself."""
    return {"anthropic": "Anthropic", "openai": "OpenAI"}.get(name, name)
