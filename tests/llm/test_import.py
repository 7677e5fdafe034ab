"""The broker is cheap to import: its SDKs come with the first call."""

import json
import subprocess
import sys

from tests.live import ROOT

SCRIPT = """
import json, sys, time
import django, pydantic
from django.conf import settings
apps = ["django.contrib.contenttypes", "django.contrib.auth"]
with_llm = sys.argv[1] == "with"
settings.configure(INSTALLED_APPS=apps + ["llm"] * with_llm, LLM_PROVIDERS={}, OFFLINE_URL="", USE_TZ=True)
began = time.process_time()
django.setup()
if with_llm:
    import llm.broker, llm.providers.anthropic, llm.providers.openai
print(json.dumps([time.process_time() - began, [name for name in ("anthropic", "openai") if name in sys.modules]]))
"""


def seconds(*, llm: bool) -> float:
    """CPU seconds of a bare Django set-up, with or without the broker: the least of three."""
    results = []
    for _ in range(3):
        command = [sys.executable, "-c", SCRIPT, "with" if llm else "without"]
        out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        taken, loaded = json.loads(out)
        assert loaded == [], "an SDK was imported before it was needed"
        results.append(float(taken))
    return min(results)


def test_the_broker_is_imported_in_a_third_of_a_second_and_without_any_sdk() -> None:
    assert seconds(llm=True) - seconds(llm=False) < 0.3
