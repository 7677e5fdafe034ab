"""What the runner tells Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

COMMIT_DELAY = Histogram(
    "board_commit_delay_seconds",
    "Between a finished step and its commit",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
DRIVEN = Gauge("board_sessions_driven", "Sessions that are driven now", multiprocess_mode="livesum")
CLAIMS = Counter("board_claims_total", "Sessions claimed", ["how"])
OUTCOMES = Counter("board_runs_total", "Runs ended", ["outcome"])
SELF_FENCED = Counter("board_self_fenced_total", "Times a runner stopped because it could not renew its leases")
