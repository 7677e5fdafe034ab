"""A plan cannot half-happen: whatever breaks at whatever statement, all of it is there or none (RP1, DB5)."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stamina
from django.db import DatabaseError, connection
from django_q.models import OrmQ

from bo1site.resilience import redis
from replanning.models import Action, ActionDependency, Project, ProjectSession, Replan, State
from replanning.services import offer
from replanning.services.replan import replan
from sessions.models import AuditEntry, Event, Session
from tests.live import ROOT, server_url
from tests.replanning.conftest import finish, propose
from tests.replanning.faults import fault_at, run

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = (Session, Event, AuditEntry, Project, ProjectSession, Action, ActionDependency, Replan, OrmQ)


class Injected(DatabaseError):
    """Not a passing error, so nothing is tried again."""


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retries of the database happen, only without the pause between them."""
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


@pytest.fixture(params=["replan", "accept", "accept_plan"])
def verb(request: Any, user: Any, blocked: Action, completed: Callable[..., Session]) -> tuple[str, str]:
    """A verb and the id it works on, everything being ready for it."""
    if request.param == "replan":
        return "replan", str(blocked.pk)
    if request.param == "accept":
        return "accept", str(completed(3).pk)
    asked = replan(blocked.pk, actor=user).replan
    assert asked.session is not None
    propose(asked.session, 2)
    finish(asked.session.pk)
    offer.settle(asked.session.pk)
    return "accept_plan", str(asked.pk)


def state() -> dict[str, list[Any]]:
    """Every row of every table that is concerned."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in TABLES}  # type: ignore[attr-defined]


def everything_happened(verb: str, before: dict[str, list[Any]]) -> None:
    """All of the verb is there, once."""
    after = state()
    grown = {name: len(after[name]) - len(before[name]) for name in after}
    if verb == "replan":
        assert (grown["Session"], grown["Replan"], grown["ProjectSession"], grown["OrmQ"]) == (1, 1, 1, 1)
        (action,), (link,), (asked,) = Action.objects.all(), ProjectSession.objects.all(), Replan.objects.all()
        assert action.replan_session_id == link.session_id == asked.session_id == Session.objects.get().pk
    elif verb == "accept":
        assert (grown["Project"], grown["ProjectSession"], grown["Action"]) == (1, 1, 3)
    else:
        assert grown["Action"] == 2
        old = Action.objects.get(replaces=None)
        assert old.status == State.REPLANNED
        assert set(Action.objects.exclude(pk=old.pk).values_list("replaces", flat=True)) == {old.pk}


@pytest.fixture(params=["without Redis", "Redis is a black hole"])
def with_or_without_redis(request: Any, settings: Any, monkeypatch: Any) -> Iterator[None]:
    """A Redis that accepts and never answers, as the whole product would have it configured; or none (RP4)."""
    if request.param == "without Redis":
        yield
        return
    with socket.create_server(("127.0.0.1", 0), backlog=500) as hole:
        settings.REDIS_URL = f"redis://127.0.0.1:{hole.getsockname()[1]}/0"
        settings.CHANNEL_LAYERS = {
            "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [settings.REDIS_URL]}}
        }
        monkeypatch.setattr(redis, "_link", redis.Link(configured=True))
        yield


@pytest.mark.usefixtures("with_or_without_redis")
def test_an_error_at_any_statement_leaves_nothing_and_is_raised(verb: tuple[str, str], user: Any) -> None:
    before = state()

    def strike(_: Any) -> None:
        raise Injected("struck")

    number = 0
    while True:
        number += 1
        with fault_at(number, strike) as executed:
            try:
                run(*verb, user)
            except Injected:
                pass
            else:
                assert len(executed) < number, "an error was swallowed"
                break
        assert state() == before, f"statement {number} left something behind: {executed[-1]}"
    assert number > 10
    everything_happened(verb[0], before)


def test_a_connection_lost_at_any_statement_ends_in_all_of_it_once(verb: tuple[str, str], user: Any) -> None:
    """The backend is terminated for real; the transaction is tried again as a whole (DB1)."""
    before = state()
    number = 0
    while True:
        number += 1
        with fault_at(number, _terminate) as executed:
            run(*verb, user)
        if len(executed) < number:
            break
        everything_happened(verb[0], before)
        _undo(before)
    assert number > 10


def _terminate(context: Any) -> None:
    """End the server process of the connection that is about to execute, from another one."""
    pid = context["connection"].connection.info.backend_pid
    fresh = connection.copy()
    try:
        with fresh.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    finally:
        fresh.close()
        fresh.close_pool()


def _undo(before: dict[str, list[Any]]) -> None:
    """Bring the tables back to ``before``, so that the next statement can be visited."""
    changed = [row for row in before["Action"] if Action.objects.filter(pk=row["id"]).values().get() != row]
    for model in reversed(TABLES):
        model.objects.exclude(pk__in=[row["id"] for row in before[model.__name__]]).delete()  # type: ignore[attr-defined]
    for row in changed:
        Action.objects.filter(pk=row["id"]).update(**row)
    for row in before["Replan"]:
        Replan.objects.filter(pk=row["id"]).update(**row)
    assert state() == before


@pytest.fixture
def at_commit(verb: tuple[str, str]) -> Iterator[Callable[[str], None]]:
    """Let a statement of PL/pgSQL run at the commit of whatever writes an audit entry, which every verb does."""

    def arm(statement: str) -> None:
        with connection.cursor() as cursor:
            body = f"$$ BEGIN {statement}; RETURN NULL; END $$"
            cursor.execute(f"CREATE FUNCTION strike() RETURNS trigger LANGUAGE plpgsql AS {body}")
            cursor.execute(
                "CREATE CONSTRAINT TRIGGER strike AFTER INSERT ON board_auditentry DEFERRABLE INITIALLY DEFERRED "
                "FOR EACH ROW EXECUTE FUNCTION strike()"
            )

    yield arm
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION IF EXISTS strike() CASCADE")


@pytest.mark.parametrize(
    "statement",
    ["RAISE EXCEPTION 'struck at commit'", "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5)"],
    ids=["error", "connection lost"],
)
def test_a_commit_that_fails_leaves_nothing_and_is_raised(
    verb: tuple[str, str], user: Any, at_commit: Callable[[str], None], statement: str
) -> None:
    before = state()
    at_commit(statement)
    with pytest.raises(DatabaseError):
        run(*verb, user)
    connection.close()
    assert state() == before


@pytest.mark.chaos
def test_a_process_killed_at_any_statement_leaves_nothing(verb: tuple[str, str], user: Any) -> None:
    """SIGKILL before every statement and before the commit; Redis is configured and down the whole time (RP4)."""
    before = state()
    killed = subprocess.run(
        [sys.executable, "-m", "tests.replanning.faults", verb[0], verb[1], str(user.pk)],
        cwd=ROOT,
        env=_child_env(),
        text=True,
        capture_output=True,
        timeout=300,
    )
    assert killed.returncode == 0, killed.stderr
    assert int(killed.stdout) > 10
    everything_happened(verb[0], before)


def _child_env() -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": server_url(connection.settings_dict["NAME"]),
        "DJANGO_SETTINGS_MODULE": "bo1site.settings",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
