"""Django's backend, changed in two places: which pool it uses, and what every new connection is told."""

from typing import Any

from django.conf import settings
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from django.db.utils import DEFAULT_DB_ALIAS

from bo1site.resilience.breaker import Rules
from bo1site.resilience.gate import Gate
from bo1site.resilience.pools import POOLS, SPACING, Pool, database_gate

#: Seconds to wait for a server that does not even refuse.
CONNECT_TIMEOUT = 3


class DatabaseWrapper(base.DatabaseWrapper):
    _connection_pools = POOLS

    @property
    def pool(self) -> Pool | None:
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        pools = type(self)._connection_pools
        if self.alias not in pools:
            fresh = Pool(
                gate=database_gate() if self.alias == DEFAULT_DB_ALIAS else _other_gate(self.alias),
                role=settings.ROLE if self.alias == DEFAULT_DB_ALIAS else f"{settings.ROLE}-{self.alias}",
                check=bool(self.settings_dict["CONN_HEALTH_CHECKS"]),
                kwargs={**self.get_connection_params(), "autocommit": True},
                open=False,
                configure=self._configure_connection,
                **(options if isinstance(options, dict) else {}),
            )
            pools.setdefault(self.alias, fresh)
        return pools[self.alias]

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        params.setdefault("connect_timeout", CONNECT_TIMEOUT)
        return params

    def _configure_connection(self, connection: Any) -> bool:
        """Time limits (DB2), in one round trip. Set by statement and not as a start-up option, which poolers refuse."""
        super()._configure_connection(connection)  # type: ignore[misc]
        connection.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false),"
            " set_config('idle_in_transaction_session_timeout', %s, false)",
            [_milliseconds(value) for value in limits()],
        )
        return True  # without a pool: the caller commits


def limits() -> tuple[float, float, float]:
    """Seconds a statement may take, may wait for a lock, and a transaction may lie idle, in a process of this role."""
    if settings.ROLE == "web":
        return settings.INTERACTIVE_STATEMENT_TIMEOUT, settings.INTERACTIVE_LOCK_TIMEOUT, settings.IDLE_IN_TRANSACTION
    return settings.STATEMENT_TIMEOUT, settings.LOCK_TIMEOUT, settings.IDLE_IN_TRANSACTION


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


def _other_gate(alias: str) -> Gate:
    return Gate(f"postgresql-{alias}", Rules(cooldown=10.0, lease=15.0), spacing=SPACING)
