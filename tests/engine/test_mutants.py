"""SE1: each mistake that a saver could make, made on purpose, and the test of ours that notices it.

LangGraph's conformance suite notices one of nine such mutants. Whoever changes the saver can trust a green run only as
far as every line here is caught.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from sessions.graph import at_once, checkpoint_store, saver
from sessions.graph.open_step import OpenStep
from sessions.graph.saver import Saver
from sessions.models import CheckpointBlob
from tests.engine import test_alone, test_saver
from tests.engine.thread import Thread

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Mutant:
    mistake: str
    make: Callable[[pytest.MonkeyPatch], None]
    killer: Callable[..., None]


class _Everything:
    def __contains__(self, name: object) -> bool:
        return True


def _drop_all_blobs(thread_id: str, namespace: str) -> None:
    CheckpointBlob.objects.filter(thread_id=thread_id, checkpoint_ns=namespace).delete()


def _trusting(patch: pytest.MonkeyPatch) -> None:
    init = Saver.__init__

    def mutant(self: Saver, **given: Any) -> None:
        init(self, **given)
        self.serde = JsonPlusSerializer(allowed_msgpack_modules=True)

    patch.setattr(Saver, "__init__", mutant)


def _otherwise(name: str, old: str, new: str) -> Callable[[pytest.MonkeyPatch], None]:
    def make(patch: pytest.MonkeyPatch) -> None:
        right = getattr(at_once, name)
        wrong = right.replace(old, new)
        assert wrong != right
        patch.setattr(at_once, name, wrong)

    return make


def _to(place: Any, name: str, value: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(place, name, value)


MUTANTS = (
    Mutant(
        "pending writes come back in the order of their rows",
        _to(checkpoint_store, "writes_sort_key", lambda *place: 0),
        test_saver.test_pending_writes_come_back_in_the_order_of_task_path_task_and_position,
    ),
    Mutant(
        "a channel's version is a constant",
        _to(Saver, "get_next_version", lambda self, current, channel: f"{1:032}.5"),
        test_saver.test_versions_of_two_branches_never_meet,
    ),
    Mutant(
        "two branches share a blob of the same version",
        _to(Saver, "get_next_version", lambda self, current, channel: f"{1:032}.5"),
        test_saver.test_two_branches_from_one_checkpoint_keep_their_own_values,
    ),
    Mutant(
        "a special write is not replaced",
        _to(saver, "_REPLACE", saver._KEEP),
        test_saver.test_a_special_write_replaces_the_one_before_it,
    ),
    Mutant(
        "an ordinary write is replaced",
        _to(saver, "_KEEP", saver._REPLACE),
        test_saver.test_an_ordinary_write_is_never_replaced,
    ),
    Mutant(
        "pruning deletes blobs that are needed",
        _to(checkpoint_store, "drop_unused_blobs", _drop_all_blobs),
        test_saver.test_pruning_keeps_the_newest_checkpoint_with_all_its_values,
    ),
    Mutant(
        "a task that failed keeps its ordinary writes",
        _to(saver, "CONTROL", _Everything()),
        test_saver.test_a_task_that_failed_keeps_no_ordinary_write,
    ),
    Mutant(
        "a row may name any class",
        _trusting,
        test_saver.test_a_crafted_checkpoint_row_runs_no_code,
    ),
    Mutant(
        "writes prove no fence",
        _otherwise("_HELD", "fence = %s", "fence <> -(%s::bigint)"),
        test_saver.test_a_lost_lease_can_write_nothing,
    ),
    Mutant(
        "a checkpoint proves no fence",
        _otherwise("_PUT", "clock_timestamp() FROM held", "clock_timestamp()"),
        test_saver.test_a_lost_lease_stores_no_checkpoint,
    ),
    Mutant(
        "what a task has written proves no fence",
        _otherwise("_WRITTEN", "FROM held, (VALUES", "FROM (VALUES"),
        test_saver.test_a_lost_lease_can_write_nothing,
    ),
    Mutant(
        "a value proves no fence",
        _otherwise("_STORED", "FROM held, (VALUES", "FROM (VALUES"),
        test_saver.test_a_lost_lease_stores_no_checkpoint,
    ),
    Mutant(
        "what a task alone has drafted is forgotten",
        _to(OpenStep, "keep", lambda self, place, task_id, drafts: None),
        test_alone.test_what_a_task_alone_has_drafted_is_stored_with_its_checkpoint_in_one_statement,
    ),
    Mutant(
        "the first checkpoints of a new thread are forgotten",
        _to(OpenStep, "hold_back", lambda self, started_from, put: None),
        test_alone.test_the_first_checkpoints_of_a_new_thread_are_stored_with_that_of_its_first_node,
    ),
    Mutant(
        "a question waits for a checkpoint that does not come",
        _to(saver, "INTERRUPT", "no such channel"),
        test_alone.test_a_question_of_a_task_alone_is_stored_at_once,
    ),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_the_mistake_is_noticed(
    mutant: Mutant, thread: Thread, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    wanted = mutant.killer.__code__.co_varnames[: mutant.killer.__code__.co_argcount]
    given = {name: request.getfixturevalue(name) for name in wanted}
    mutant.make(monkeypatch)
    if "thread" in given:
        thread.saver = Saver()  # made by the mutant
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        mutant.killer(**given)
