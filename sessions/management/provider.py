"""The offline provider for a command that runs by itself, unless one answers already or a real one is configured."""

import contextlib
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import CommandError

from bo1site.supervisor import die_with_parent, free_port
from llm.offline import process as offline_process


@contextlib.contextmanager
def provider(latency: str = "0.1-0.4") -> Iterator[None]:
    """Start it where it is needed; answers take ``latency`` seconds, unless ``OFFLINE_LATENCY`` says otherwise."""
    if not settings.OFFLINE or _answers(settings.OFFLINE_URL):
        yield
        return
    port = free_port(urlsplit(settings.OFFLINE_URL).port or 8765)
    environment = {**os.environ, "OFFLINE_LATENCY": os.environ.get("OFFLINE_LATENCY", latency)}
    command = offline_process.command(port)
    process = subprocess.Popen(command, env=environment, start_new_session=True, preexec_fn=die_with_parent)
    try:
        deadline = time.monotonic() + 20
        while not _answers(f"http://127.0.0.1:{port}"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise CommandError("The offline provider did not start; its message stands above.")
            time.sleep(0.1)
        if str(port) != str(urlsplit(settings.OFFLINE_URL).port):
            _move_offline_to(port)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _move_offline_to(port: int) -> None:
    for entry in settings.LLM_PROVIDERS.values():
        entry["base_url"] = str(entry["base_url"]).replace(settings.OFFLINE_URL, f"http://127.0.0.1:{port}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/stats", timeout=1) as response:  # noqa: S310 (our own address)
            return bool(response.status == 200)
    except OSError:
        return False
