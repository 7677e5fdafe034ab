"""Every service of plans is one transaction, and is tried again as one."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from bo1site.resilience.database import retry_db

P = ParamSpec("P")
R = TypeVar("R")


def retried(function: Callable[P, R]) -> Callable[P, R]:
    """Try ``function`` again after a deadlock or a lost connection, unless it runs in a caller's transaction (DB1)."""
    return cast(Callable[P, R], retry_db(function, nested="join"))
