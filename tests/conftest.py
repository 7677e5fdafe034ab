"""Fixtures that every test may use."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from hypothesis import HealthCheck
from hypothesis import settings as profiles

from sessions.models import Session
from sessions.services.start import Decision, create
from tests import emptying
from tests.live import template
from tests.own_server import OwnServer


def pytest_configure() -> None:
    """A password that is slow to check protects nobody here, and a busy machine is no fault of a property."""
    profiles.register_profile("board", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    profiles.load_profile("board")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


LEFT_OUT = pytest.StashKey[dict[str, int]]()
PROBLEM = (
    "We have to decide by Friday whether to move our 14-person support team from Leeds to Lisbon or to keep it where it"
    " is and hire four people there instead."
)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Two runs on one server stay apart by ``TEST_DB_NAME``, the workers of one run by their number."""
    name = "_".join(
        part for part in (os.environ.get("TEST_DB_NAME", "test_board"), os.environ.get("PYTEST_XDIST_WORKER")) if part
    )
    settings.DATABASES["default"].setdefault("TEST", {}).update(NAME=name, TEMPLATE=template())


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        emptying.remember()
    emptying.install()


def chromium() -> str:
    """Path of a Chromium on this machine, or nothing. The one without windows takes half the processor time."""
    found = map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))
    return os.environ.get("CHROMIUM") or next(filter(None, found), "")


def pgbouncer() -> str:
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


#: What a mark needs, how it is found, and which variable makes its absence an error (CI).
NEEDS = {
    "browser": ("Chromium", "apt-get install chromium", chromium, "BO1_REQUIRE_BROWSER"),
    "pgbouncer": ("PgBouncer", "apt-get install pgbouncer", pgbouncer, "BO1_REQUIRE_PGBOUNCER"),
}


#: Files with tests of these marks begin first, so that none of them is begun when everything else is over.
LONGEST_FIRST = ("chaos", "browser", "slow")


def _weight(items: list[pytest.Item]) -> int:
    """Where a file's tests stand in the order: by the longest kind among them."""
    marks = {mark.name for item in items for mark in item.iter_markers()}
    return next((place for place, mark in enumerate(LONGEST_FIRST) if mark in marks), len(LONGEST_FIRST))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first. Tests whose program is missing are left out loudly; with the variable of ``NEEDS`` set to 1
    that is an error."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    items[:] = [item for _, file in sorted(files.items(), key=lambda pair: _weight(pair[1])) for item in file]
    for mark, (name, install, found, required) in NEEDS.items():
        left_out = [item for item in items if item.get_closest_marker(mark)]
        if not left_out or found():
            continue
        if os.environ.get(required) == "1":
            raise pytest.UsageError(f"{len(left_out)} {mark} tests need {name}, and there is none: {install}.")
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
        config.stash.setdefault(LEFT_OUT, {})[mark] = len(left_out)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for mark, count in config.stash.get(LEFT_OUT, {}).items():
        name, install, _, _ = NEEDS[mark]
        terminalreporter.section(f"{mark.upper()} TESTS LEFT OUT", sep="!", red=True, bold=True)
        terminalreporter.line(f"{count} {mark} tests did not run: no {name} (Debian: {install})")


@pytest.fixture(scope="session")
def own_server() -> Iterator[OwnServer]:
    """A PostgreSQL that may be stopped and killed."""
    server = OwnServer()
    yield server
    server.remove()


@pytest.fixture
def user(db: None) -> Any:
    return get_user_model().objects.create_user("ada", "ada@example.org", "a-long-enough-secret")


@pytest.fixture
def staff(db: None) -> Any:
    return get_user_model().objects.create_superuser("grace", "grace@example.org", "a-long-enough-secret")


@pytest.fixture
def make_session(user: Any) -> Callable[..., Session]:
    """A draft session of ``user`` (or ``owner=``), with ``problem=`` and the other fields of ``Decision``."""

    def make(owner: Any = None, problem: str = PROBLEM, **fields: Any) -> Session:
        return create(owner or user, Decision(problem, **fields))

    return make
