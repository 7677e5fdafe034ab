"""The embedded PostgreSQL: who starts it stops it, and a killed one comes back with its data."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bo1site import embedded
from tests.live import ROOT, wait_until

ATTACH = "import sys; from pathlib import Path; from bo1site import embedded; print(embedded.attach(Path(sys.argv[1])))"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("embedded") / "postgres"
    yield directory
    embedded.stop(directory)


def attach_in_a_process(data: Path) -> str:
    result = subprocess.run(
        [sys.executable, "-c", ATTACH, str(data)], cwd=ROOT, check=True, text=True, capture_output=True
    )
    return result.stdout.strip()


def test_the_process_that_started_the_server_stops_it_when_it_ends(data: Path) -> None:
    embedded.stop(data)
    url = attach_in_a_process(data)
    assert url.startswith("postgresql://")
    assert not embedded.is_running(data)


def test_a_process_that_only_joined_leaves_the_server_running(data: Path) -> None:
    url = embedded.attach(data, own=False)
    assert attach_in_a_process(data) == url
    assert embedded.is_running(data)


def test_a_killed_server_is_started_again_with_its_data(data: Path) -> None:
    url = embedded.attach(data, own=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    postmaster = int((data / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: not embedded.is_running(data), seconds=10)
    with psycopg.connect(embedded.attach(data, own=False)) as connection:
        row = connection.execute("SELECT max(n) FROM kept").fetchone()
    assert row == (7,)


def test_attaching_creates_the_database_that_was_asked_for(data: Path) -> None:
    url = embedded.attach(data, database="another", own=False)
    with psycopg.connect(url) as connection:
        assert connection.info.dbname == "another"
