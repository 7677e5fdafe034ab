"""The broker in the admin: the ledger, the journal, the breakers and what staff did to them."""

from llm.admin import breaker, ledger

__all__ = ["breaker", "ledger"]
