"""Reads that may be old (DB6), from a second real database that differs, so that one sees who has answered."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bo1site.supervisor import free_port
from tests.live import database, manage

pytestmark = pytest.mark.slow

#: Says how many calls each way of reading finds; the replica has one more than the primary.
SCRIPT = """
import json
from django.db import transaction
from bo1site.resilience import replica
from llm.models import LLMCall
from django.contrib.auth import get_user_model
count = LLMCall.objects.count
found = {"plain": count(), "stale": replica.read(count)}
with transaction.atomic():
    found["in_transaction"] = replica.read(count)
found["users"] = replica.read(get_user_model().objects.count)
LLMCall.objects.create(provider="p", model="m", tier="core")
found["after_a_write"] = replica.read(count)
print("FOUND", json.dumps(found))
"""


def found(primary: str, copy: str) -> dict[str, Any]:
    output = manage("shell", "-c", SCRIPT, env={"DATABASE_URL": primary, "DATABASE_REPLICA_URL": copy}).stdout
    result: dict[str, Any] = json.loads(output.partition("FOUND ")[2])
    return result


@pytest.fixture(scope="module")
def primary() -> Iterator[str]:
    with database() as url:
        yield url


def test_only_reads_that_may_be_old_go_to_the_replica_and_own_writes_are_seen(primary: str) -> None:
    with database() as copy:
        create = "LLMCall.objects.create(provider='p', model='m', tier='t')"
        write = f"from llm.models import LLMCall; [{create} for _ in range(7)]"
        manage("shell", "-c", write, env={"DATABASE_URL": copy})
        seen = found(primary, copy)
    before = seen["plain"]
    assert seen["stale"] == 7
    assert seen["in_transaction"] == before
    assert seen["users"] == 0
    assert seen["after_a_write"] == before + 1


def test_a_replica_that_is_away_is_replaced_by_the_primary(primary: str) -> None:
    seen = found(primary, f"postgresql://postgres:@127.0.0.1:{free_port(0)}/board")
    assert seen["stale"] == seen["plain"]
    assert seen["after_a_write"] == seen["plain"] + 1
