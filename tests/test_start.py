"""How a process of the product starts."""

import subprocess
import sys

from tests.live import ROOT

_WEB = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "bo1site.settings"
import bo1site.asgi, bo1site.urls
print(sorted({name.partition(".")[0] for name in sys.modules} & {"langgraph", "langchain_core", "anthropic", "openai"}))
"""


def test_a_web_process_starts_without_langgraph_and_without_the_sdks() -> None:
    """They are the workers' tools, and cost a second of every start of a page's process and of every command."""
    started = subprocess.run([sys.executable, "-c", _WEB], cwd=ROOT, capture_output=True, text=True, check=True)
    assert started.stdout.strip() == "[]"
