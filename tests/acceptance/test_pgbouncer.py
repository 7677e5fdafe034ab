"""The scale-out guide's PgBouncer block, word for word, between web processes and PostgreSQL (docs/scaling.md)."""

import asyncio
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from bo1site.supervisor import die_with_parent, free_port
from tests.chaos.figures import figures, total
from tests.chaos.kit import PROBLEMS, damage, start_sessions, statuses
from tests.chaos.places import site_on
from tests.chaos.readers import read_to_the_end
from tests.live import ROOT, database, wait_until
from tests.stream.processes import Site

pytestmark = [pytest.mark.pgbouncer, pytest.mark.slow]


@pytest.fixture
def direct() -> Iterator[str]:
    with database() as url:
        yield url


@pytest.fixture
def pooled(direct: str) -> Iterator[str]:
    """The address of a PgBouncer in front of ``direct``, set up as the guide says."""
    home = Path(tempfile.mkdtemp(prefix="board-pooler-"))
    guide = re.search(r"```ini\n(pool_mode.*?)```", (ROOT / "docs" / "scaling.md").read_text(), re.S)
    assert guide, "docs/scaling.md shows no block for PgBouncer"
    parts, port = urlsplit(direct), free_port(0)
    socket = parse_qs(parts.query).get("host", [""])[0]
    server = f"host={socket or parts.hostname}" + (f" port={parts.port}" if parts.port else "")
    name = parts.path.lstrip("/")
    config = home / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n{name} = {server} user={parts.username}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\nlogfile = {home}/pgbouncer.log\n{guide[1]}"
    )
    command = [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"]
    if os.geteuid() == 0:  # it refuses to be root
        owner = Path(socket).stat().st_uid if socket else 65534
        command += ["-u", pwd.getpwuid(owner or 65534).pw_name]
        home.chmod(0o777)
    process = subprocess.Popen([*command, str(config)], stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
    url = f"postgresql://{parts.username}@127.0.0.1:{port}/{name}"

    def answers() -> bool:
        assert process.poll() is None, (home / "pgbouncer.log").read_text()
        try:
            with psycopg.connect(url, connect_timeout=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    wait_until(answers, seconds=20, what="PgBouncer to answer")
    yield url
    process.terminate()
    process.wait(10)
    shutil.rmtree(home, ignore_errors=True)


async def test_behind_a_pooler_in_transaction_mode_pages_work_and_streams_hear_at_once(
    direct: str, pooled: str, tmp_path: Path
) -> None:
    site: Site = site_on(direct, tmp_path)
    try:
        headers = site.add_reader()
        await asyncio.to_thread(site.start_provider, "0.1-0.2")
        # A look at the table by itself comes too late for this test: what arrives was heard.
        behind = {"DATABASE_URL": pooled, "DATABASE_LISTEN_URL": direct, "STREAM_POLL_UP_SECONDS": "600"}
        web = await asyncio.to_thread(lambda: site.web("web", **behind))
        await asyncio.to_thread(site.start_worker)
        sessions = await asyncio.to_thread(start_sessions, site, 3, rounds=1)
        stories: list[list[int]] = [[] for _ in sessions]
        async with asyncio.timeout(180):
            await asyncio.gather(
                *(
                    read_to_the_end([web], session, headers, seen)
                    for session, seen in zip(sessions, stories, strict=True)
                )
            )
        heads = dict(site.query("SELECT id::text, last_sequence FROM board_session"))
        for session, seen in zip(sessions, stories, strict=True):
            assert seen == list(range(1, heads[session] + 1))
        assert statuses(site) == {"completed": 3}
        assert damage(site) == []
        found = figures(web)
        assert found["board_stream_listening"] == 1
        assert total(found, "board_stream_lag_seconds_count") > 0
        through = site.query(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bo1-web'"
        )
        assert through[0][0] >= 1
    finally:
        site.stop()


async def test_a_crowd_shares_fewer_server_connections_than_it_has_clients(
    direct: str, pooled: str, tmp_path: Path
) -> None:
    """Why one would want it: two web processes with pools of 20 on the pooler's few connections, and no 500."""
    site: Site = site_on(direct, tmp_path)
    try:
        headers = site.add_reader()
        behind = {"DATABASE_URL": pooled, "DATABASE_LISTEN_URL": direct}
        webs = [await asyncio.to_thread(lambda name=name: site.web(name, **behind)) for name in ("a", "b")]
        most = 0
        async with httpx.AsyncClient(headers=headers, timeout=60) as http:

            async def bring(number: int) -> int:
                body = {"problem_statement": f"{PROBLEMS[number % 4]} Number {number}."}
                return (await http.post(f"{webs[number % 2]}/api/v1/sessions/", json=body)).status_code

            codes: set[int] = set()
            for turn in range(3):
                codes |= set(await asyncio.gather(*(bring(turn * 40 + number) for number in range(40))))
                [(now,)] = await asyncio.to_thread(
                    site.query,
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND application_name = 'bo1-web'",
                )
                most = max(most, now)
        assert codes <= {201, 503}
        assert 201 in codes
        assert most <= 20, "default_pool_size"
    finally:
        site.stop()
