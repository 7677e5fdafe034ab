"""Two web and two worker hosts, one of each lost under load: people notice a reconnect, and nothing else (SE5, SS1)."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.chaos.figures import figures, total
from tests.chaos.kit import damage, repeated_calls, start_sessions, statuses
from tests.chaos.readers import read_to_the_end
from tests.live import wait_until
from tests.stream.processes import Site

pytestmark = [pytest.mark.chaos, pytest.mark.slow]
SESSIONS, READERS, CALLERS = 12, 6, 6


def own_host() -> list[str]:
    """What makes a command think that it is alone on a machine: a process namespace, which dies as a whole."""
    command = [
        "unshare",
        *([] if os.geteuid() == 0 else ["-U", "-r"]),
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]
    if shutil.which("unshare") and subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0:
        return command
    return []


def start_worker_host(site: Site, name: str, directory: Path) -> bool:
    """A worker that shares nothing with the others but PostgreSQL; False where namespaces are not allowed."""
    apart = own_host()
    prefix = [shutil.which(apart[0]) or "", *apart[1:]] if apart else []
    env = {"BO1_ROLE": "worker", "METRICS_DIR": str(directory / name)}
    python = site.start  # the same way as every other process, behind a prefix
    if not prefix:
        python(name, ["manage.py", "boardworker"], **env)
        return False
    launcher = f"import os, sys; os.execv({prefix[0]!r}, {prefix!r} + [sys.executable, 'manage.py', 'boardworker'])"
    python(name, ["-c", launcher], **env)
    return True


async def call(urls: list[str], session: str, headers: dict[str, str], stop: asyncio.Event, codes: list[int]) -> None:
    """Look at a session again and again; a refused connection is tried on the other host, as a balancer does."""
    turn = secrets.randbelow(2)
    async with httpx.AsyncClient(timeout=30, headers=headers) as http:
        while not stop.is_set():
            for attempt in (0, 1):
                try:
                    answer = await http.get(f"{urls[turn % 2]}/api/v1/sessions/{session}/")
                    codes.append(answer.status_code)
                    break
                except httpx.TransportError:
                    turn += 1
                    if attempt:
                        codes.append(0)
            await asyncio.sleep(0.2)


async def test_one_web_and_one_worker_host_are_lost_under_load_and_people_notice_only_a_reconnect(
    site: Site, tmp_path: Path
) -> None:
    headers = site.add_reader()
    await asyncio.to_thread(site.start_provider, "0.6-1.2")
    site.env |= {"RUNNER_SLOTS": "1", "RUNNER_CAPACITY": str(SESSIONS // 2)}  # so that both hosts have work
    apart = [start_worker_host(site, name, tmp_path) for name in ("worker-a", "worker-b")]
    site.start_scripts()
    urls = await asyncio.gather(*(asyncio.to_thread(site.web, name) for name in ("web-a", "web-b")))
    sessions = await asyncio.to_thread(start_sessions, site, SESSIONS, rounds=3)

    def runners() -> set[str]:
        return {str(row[0]) for row in site.query("SELECT lease_owner FROM board_session WHERE status = 'running'")}

    seen: list[list[int]] = [[] for _ in range(READERS)]
    drops: list[int] = []
    codes: list[int] = []
    stop = asyncio.Event()
    readers = [
        asyncio.create_task(read_to_the_end(urls, sessions[number], headers, seen[number], drops=drops, first=number))
        for number in range(READERS)
    ]
    callers = [asyncio.create_task(call(urls, sessions[-1], headers, stop, codes)) for _ in range(CALLERS)]
    await asyncio.to_thread(
        wait_until, lambda: min(map(len, seen)) > 2 and len(runners()) > 1, seconds=120, what="both hosts to be at work"
    )
    before = await asyncio.to_thread(figures, urls[1])
    process = site.processes.pop("worker-a")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    site.kill("web-a")
    assert await asyncio.to_thread(statuses, site) != {"completed": SESSIONS}, "nothing was left to lose"
    async with asyncio.timeout(300):
        await asyncio.gather(*readers)
    whole = {"completed": SESSIONS}
    await asyncio.to_thread(wait_until, lambda: statuses(site) == whole, seconds=300, what="all sessions to complete")
    stop.set()
    await asyncio.gather(*callers)

    heads = dict(site.query("SELECT id::text, last_sequence FROM board_session"))
    for number, story in enumerate(seen):
        assert story == list(range(1, heads[sessions[number]] + 1))
    assert len(drops) >= 1, "nobody was connected to the host that was lost"
    assert set(codes) == {200}, codes
    assert damage(site) == []
    assert repeated_calls(site) == []
    [(lost,)] = site.query("SELECT count(*) FROM board_run WHERE outcome = 'lost'")
    assert lost >= 1, "no session was taken over"
    after = await asyncio.to_thread(figures, urls[1])
    assert total(after, "board_stream_events_sent") > total(before, "board_stream_events_sent")
    print(f"\n{lost} sessions taken over, {len(drops)} reconnects, {len(codes)} answers, all 200; namespaces: {apart}")
