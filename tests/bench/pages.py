"""``python -m tests.bench.pages [--sessions N]``: server time to the first byte of every page, with many sessions.

Prints for each address the median and the slowest of several requests (milliseconds, measured at the client of a real
web process), the processor time of that process for one of them, and the size. The goal is 100 ms on two idle cores
with 1,000 sessions; on a busy machine look at the processor time.
"""

import argparse
import http.client
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

#: Milliseconds from request to first byte.
GOAL = 100
_SEED = """
from django.contrib.auth import get_user_model
from tests import factories
from tests.admin.conftest import _full, _thousand
from django.contrib.sessions.backends.db import SessionStore
ada = get_user_model().objects.create_superuser("ada", password="a-long-enough-secret")
for begin in range(0, {count}, 1000):
    _thousand(ada)
full = _full(ada, ada)
done = factories.finished(ada)
from sessions.models import Event
print("FOUND", full.pk, done.pk)
"""


def main(count: int, requests: int) -> None:
    from tests.live import board

    with board(Path(tempfile.mkdtemp(prefix="board-bench-")), worker=False, LOG_LEVEL="WARNING") as running:
        _, full, done = running.manage("shell", "-v", "0", "-c", _SEED.format(count=count)).stdout.split()[-3:]
        running.query("ANALYZE")
        cookie = _signed_in(running.url)
        addresses = {
            "list of decisions": "/",
            "new decision": "/new/",
            "room, just begun": f"/sessions/{full}/",
            "room, completed": f"/sessions/{done}/",
            "memo": f"/sessions/{done}/report/",
            "plans": "/projects/",
            "sign-in": "/login/",
            "API: list": "/api/v1/sessions/",
            "API: session": f"/api/v1/sessions/{done}/",
            "API: events": f"/api/v1/sessions/{done}/events",
            "admin: index": "/admin/",
            "admin: operations": "/admin/board/runnerslot/operations/",
            "admin: sessions": "/admin/board/session/",
            "admin: session": f"/admin/board/session/{full}/change/",
            "admin: events": "/admin/board/event/",
            "admin: calls": "/admin/llm/llmcall/",
            "admin: cost": "/admin/llm/llmcall/cost/",
            "health": "/health/ready",
            "metrics": "/metrics",
        }
        print(f"{count:,} sessions, {requests} requests each, goal {GOAL} ms")
        print(f"{'page':<22}{'median ms':>10}{'slowest':>10}{'cpu ms':>8}{'kB':>8}  status")
        web = psutil.Process(running.processes["web"].pid)
        over = []
        for name, path in addresses.items():
            times, status, size, busy = _measure(web, running.url, path, cookie if path != "/login/" else "", requests)
            median = statistics.median(times)
            over += [name] if median > GOAL else []
            mark = "  over the goal" if median > GOAL else ""
            print(f"{name:<22}{median:>10.1f}{max(times):>10.1f}{busy:>8.1f}{size / 1000:>8.1f}  {status}{mark}")
        print("all within the goal" if not over else f"over the goal: {', '.join(over)}")


def _measure(
    web: psutil.Process, url: str, path: str, cookie: str, requests: int
) -> tuple[list[float], int, int, float]:
    times, status, size, spent = [], 0, 0, 0.0
    for number in range(requests + 2):
        if number == 2:
            spent = _busy(web)
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        connection.connect()
        began = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        took = (time.perf_counter() - began) * 1000
        size, status = len(answer.read()), answer.status
        connection.close()
        if number >= 2:  # the first ones load templates
            times.append(took)
    return times, status, size, (_busy(web) - spent) / requests


def _busy(web: psutil.Process) -> float:
    """Milliseconds of processor time that it has used."""
    times = web.cpu_times()
    return (times.user + times.system) * 1000


def _signed_in(url: str) -> str:
    """The cookie header of somebody who has signed in through the page."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", "/login/")
    answer = connection.getresponse()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.read().decode())
    assert token is not None
    cookies = _cookies(answer)
    body = f"csrfmiddlewaretoken={token[1]}&username=ada&password=a-long-enough-secret"
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded", "Referer": url}
    connection.request("POST", "/login/", body, headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 302, answer.status
    return _cookies(answer)


def _cookies(answer: Any) -> str:
    return "; ".join(value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")


if __name__ == "__main__":
    import tests.postgres  # noqa: F401  (a server, before Django's settings)

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=20)
    given = parser.parse_args()
    main(given.sessions, given.requests)
