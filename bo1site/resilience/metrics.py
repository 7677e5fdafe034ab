"""What pools, breakers and shedding tell Prometheus (MO1)."""

from prometheus_client import Counter, Gauge, Histogram

POOL_IN_USE = Gauge(
    "board_pool_in_use", "Connections handed out by the pools of all processes", ["role"], multiprocess_mode="livesum"
)
POOL_WAITING = Gauge(
    "board_pool_queue_depth", "Requests that wait for a connection", ["role"], multiprocess_mode="livesum"
)
POOL_SIZE = Gauge(
    "board_pool_size", "Connections that the pools may hand out together", ["role"], multiprocess_mode="livesum"
)
POOL_WAIT = Histogram(
    "board_pool_wait_seconds",
    "Time until a connection was handed out",
    ["role"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
POOL_TIMEOUTS = Counter("board_pool_timeouts_total", "Requests that got no connection in time", ["role"])
CONNECT_FAILURES = Counter("board_database_connect_failures_total", "Connections that could not be opened", ["role"])
RETRIES = Counter(
    "board_database_retries_total", "Attempts at a transaction that failed for a passing reason", ["sqlstate"]
)
SHED = Counter("board_requests_shed_total", "Requests answered with 503 at once", ["why"])
BREAKER = Gauge("board_breaker_state", "0 closed, 1 half open, 2 open", ["name"], multiprocess_mode="livemax")
BREAKER_CHANGES = Counter("board_breaker_changes_total", "Changes of a breaker's state", ["name", "to"])
#: By role, so that a process that has never used Redis says nothing about it.
REDIS_UP = Gauge("board_redis_up", "1 while Redis answers, 0 while it does not", ["role"], multiprocess_mode="livemin")
REDIS_CONFIGURED = Gauge("board_redis_configured", "1 when a Redis is configured", multiprocess_mode="livemax")
REPLICA_FALLBACKS = Counter("board_replica_fallbacks_total", "Reads sent to the primary because the replica failed")
