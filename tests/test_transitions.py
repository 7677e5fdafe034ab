"""SE9: one readable table; every status change is conditional and leaves its event in the same transaction."""

from collections.abc import Callable
from itertools import product

import pytest
from django.db import transaction

from sessions import events
from sessions.models import Event, Session, Status
from sessions.transitions import TRANSITIONS, IllegalTransition, sources, transition

DATA = {
    Status.WAITING: {"questions": ["Why now?"]},
    Status.RUNNING: {"worker": "w", "fence": 1},
    Status.FAILED: {"code": "x", "message": "y", "recoverable": True},
}


@pytest.mark.parametrize(("current", "wanted"), list(product(Status, Status)))
def test_every_pair_of_statuses_is_either_in_the_table_or_refused(
    make_session: Callable[..., Session], current: Status, wanted: Status
) -> None:
    session = make_session()
    Session.objects.filter(pk=session.pk).update(status=current)
    before = session.events.count()
    if wanted in TRANSITIONS[current]:
        sequence = transition(session.pk, wanted, data=DATA.get(wanted))
        session.refresh_from_db()
        assert session.status == wanted
        assert session.last_sequence == sequence == before + 1
        assert session.events.get(sequence=sequence).type.startswith("session_")
    else:
        with pytest.raises(IllegalTransition):
            transition(session.pk, wanted, data=DATA.get(wanted))
        session.refresh_from_db()
        assert session.status == current
        assert session.events.count() == before


def test_a_stale_fence_changes_nothing_and_says_that_the_lease_is_lost(make_session: Callable[..., Session]) -> None:
    session = make_session()
    Session.objects.filter(pk=session.pk).update(status=Status.RUNNING, fence=7)
    with pytest.raises(events.LeaseLost):
        transition(session.pk, Status.COMPLETED, fence=6)
    session.refresh_from_db()
    assert session.status == Status.RUNNING


def test_leaving_running_gives_up_the_lease(make_session: Callable[..., Session]) -> None:
    session = make_session()
    Session.objects.filter(pk=session.pk).update(status=Status.RUNNING, fence=1, lease_owner="w")
    transition(session.pk, Status.PAUSED, fence=1)
    session.refresh_from_db()
    assert (session.lease_owner, session.lease_until) == ("", None)


def test_a_failed_event_takes_the_status_change_with_it(make_session: Callable[..., Session]) -> None:
    session = make_session()
    with pytest.raises(ValueError, match="recommendation"):
        transition(session.pk, Status.QUEUED, event="session_completed", data={"recommendation": 1})
    session.refresh_from_db()
    assert session.status == Status.CREATED


def test_a_missing_session_is_an_illegal_transition(db: None) -> None:
    with pytest.raises(IllegalTransition, match="does not exist"):
        transition("00000000-0000-7000-8000-000000000000", Status.QUEUED)


def test_final_statuses_have_no_successor() -> None:
    assert not TRANSITIONS[Status.COMPLETED]
    assert not TRANSITIONS[Status.KILLED]
    assert sources(Status.RUNNING) == ["queued"]


def test_sequences_run_without_a_gap_and_a_repeated_key_writes_nothing(make_session: Callable[..., Session]) -> None:
    session = make_session()
    drafts = [events.Draft("interjection", {"text": "a"}, "k1"), events.Draft("interjection", {"text": "b"}, "k2")]
    assert events.append(session.pk, drafts) == 3
    assert events.append(session.pk, [*drafts, events.Draft("interjection", {"text": "c"}, "k3")]) == 4
    assert list(Event.objects.filter(session=session).values_list("sequence", "type")) == [
        (1, "session_created"),
        (2, "interjection"),
        (3, "interjection"),
        (4, "interjection"),
    ]


def test_a_rolled_back_event_leaves_no_hole(make_session: Callable[..., Session]) -> None:
    session = make_session()
    with transaction.atomic():
        events.append(session.pk, [events.Draft("interjection", {"text": "lost"}, "lost")])
        transaction.set_rollback(True)
    assert events.append(session.pk, [events.Draft("interjection", {"text": "kept"}, "kept")]) == 2


def test_text_that_postgresql_refuses_is_cleaned_on_its_way_in(make_session: Callable[..., Session]) -> None:
    session = make_session()
    events.append(session.pk, [events.Draft("interjection", {"text": "a\x00b\ud800c"}, "dirty")])
    assert Event.objects.get(session=session, key="dirty").data["text"] == "ab\ufffdc"
