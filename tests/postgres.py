"""A pytest plugin, loaded before Django's settings: one real PostgreSQL for the whole run.

``TEST_DATABASE_URL`` names a server to use instead; ``TEST_DB_NAME`` keeps two runs on one server apart.
"""

import os
import sys
from pathlib import Path

import psycopg

from bo1site import collector

collector.look_less_often()  # thousands of tests are imported
ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("BO1_TEST_DATA", ROOT / ".bo1" / "test-postgres"))


def _wait_for_the_disk(url: str, wanted: bool) -> None:
    """Tests need what is written to outlive processes, not the machine; benchmarks pay what everybody pays."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = {'on' if wanted else 'off'}")
        connection.execute("SELECT pg_reload_conf()")


if "DATABASE_URL" not in os.environ or os.environ.get("BO1_TESTING") != "1":
    from bo1site import embedded

    if given := os.environ.get("TEST_DATABASE_URL"):
        os.environ["DATABASE_URL"] = given
    else:
        os.environ["DATABASE_URL"] = embedded.attach(DATA)
        _wait_for_the_disk(os.environ["DATABASE_URL"], "pytest" not in sys.modules)
    os.environ["BO1_TESTING"] = "1"
# A developer's keys must never be spent by a test.
for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "REDIS_URL"):
    os.environ.pop(name, None)
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)
