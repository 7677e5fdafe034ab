"""A pytest plugin, loaded before Django's settings: one real PostgreSQL for the whole run.

``TEST_DATABASE_URL`` names a server to use instead; ``TEST_DB_NAME`` keeps two runs on one server apart.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("BO1_TEST_DATA", ROOT / ".bo1" / "test-postgres"))

if "DATABASE_URL" not in os.environ or os.environ.get("BO1_TESTING") != "1":
    from bo1site import embedded

    os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or embedded.attach(DATA)
    os.environ["BO1_TESTING"] = "1"
# A developer's keys must never be spent by a test.
for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "REDIS_URL"):
    os.environ.pop(name, None)
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)
