"""The catalogue as staff keep it: versions, who may write them, and what sessions that have begun see of it."""

import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from llm.models import LLMCall
from sessions.graph import texts
from sessions.models import AuditEntry, Contribution, PersonaVersion, Seat, Session, Status
from sessions.personas import catalogue, history
from sessions.personas.catalogue import FIELDS
from sessions.reading import TableReader
from sessions.runner.foreground import drive_session
from sessions.services import catalogue as keeping
from sessions.services import start
from sessions.services.access import NotAllowed
from sessions.services.catalogue import CatalogueRefused
from sessions.services.recovery import resume_session_from_checkpoint, retry_points
from tests.graph.test_over_http import CHOICES, LIMITS, PROBLEM
from tests.llm.conftest import Offline, _no_connection_left_behind, offline, offline_process

__all__ = ["_no_connection_left_behind", "offline", "offline_process"]

REASONS = (
    "You ask what a patient neighbour would have noticed, and when. You look at the fence, the light in the window and"
    " the post that piles up, and you say which of the options somebody who only watches would have foreseen."
)
FRESH = {
    "slug": "neighbour",
    "name": "Imke Larsson",
    "method": "what a neighbour would see",
    "reasons": REASONS,
    "domains": ["home", "family", "move"],
    "temperament": "humane",
    "blind_spot": "whatever happens behind the curtain.",
}


def newest(slug: str) -> PersonaVersion:
    row = PersonaVersion.objects.filter(slug=slug).order_by("-pk").first()
    assert row is not None
    return row


def content(row: PersonaVersion, **changes: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS} | changes


def test_after_a_migration_the_catalogue_holds_what_the_release_ships(db: None) -> None:
    assert {slug: replace(who, version=1) for slug, who in history.current().items()} == catalogue()
    assert list(history.current()) == list(catalogue()), "in the order of the file, which prompts repeat"
    assert keeping.take_over_release() == 0


def test_an_edit_is_a_new_version_and_the_old_one_stays_as_it_was(staff: Any) -> None:
    before = newest("red-team")
    after = keeping.revise(before, content(before, reasons=REASONS), staff, "Ticket 12: too fond of fraud")
    assert (before.version, after.version) == (1, 2)
    assert PersonaVersion.objects.get(pk=before.pk).reasons == catalogue()["red-team"].reasons
    assert history.current()["red-team"].reasons == REASONS
    assert history.at(before.pk)["red-team"].reasons == catalogue()["red-team"].reasons
    entry = AuditEntry.objects.get(action="persona_revise")
    assert (entry.actor, entry.reason, entry.object_type) == ("grace", "Ticket 12: too fond of fraud", "personaversion")
    assert (entry.before["version"], entry.after["version"]) == (1, 2)
    assert (after.author, after.origin) == ("grace", "staff")


def test_a_persona_can_be_added_retired_and_restored(staff: Any) -> None:
    first = keeping.add(FRESH, staff, "A quiet voice was missing")
    assert history.current()["neighbour"].name == "Imke Larsson"
    gone = keeping.retire(first, staff, "Nobody listened")
    assert "neighbour" not in history.current()
    assert history.at(gone.pk)["neighbour"].retired
    back = keeping.restore(first, staff, "They do now")
    assert (back.version, history.current()["neighbour"].reasons) == (3, REASONS)
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "persona_add",
        "persona_retire",
        "persona_restore",
    ]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"slug": "red-team"}, "persona_exists"),
    ({"slug": "Red Team!"}, "invalid_persona"),
    ({"slug": "s" * 61}, "invalid_persona"),
    ({"method": "Red Team Attack"}, "persona_not_distinct"),
    ({"name": "Ada Thorne"}, "persona_not_distinct"),
    ({"reasons": "Thinks."}, "invalid_persona"),
    ({"reasons": ""}, "invalid_persona"),
    ({"domains": []}, "invalid_persona"),
    ({"temperament": "grumpy"}, "invalid_persona"),
    ({"blind_spot": "b" * 201}, "invalid_persona"),
]


@pytest.mark.parametrize(("change", "code"), REFUSED)
def test_a_persona_that_is_not_fit_to_sit_is_refused_with_a_code(staff: Any, change: dict[str, Any], code: str) -> None:
    before = PersonaVersion.objects.count()
    with pytest.raises(CatalogueRefused) as refused:
        keeping.add({**FRESH, **change}, staff, "why")
    assert refused.value.code == code
    assert PersonaVersion.objects.count() == before
    assert not AuditEntry.objects.exists()


def test_an_edit_of_an_older_version_is_refused_so_that_nobodys_work_is_overwritten_unseen(staff: Any) -> None:
    opened = newest("inversion")
    keeping.revise(opened, content(opened, name="Tomas Veit"), staff, "Misspelt")
    with pytest.raises(CatalogueRefused) as refused:
        keeping.revise(opened, content(opened, blind_spot="everything that ever went well."), staff, "Better")
    assert refused.value.code == "persona_changed"
    assert history.current()["inversion"].name == "Tomas Veit"


def test_an_edit_that_changes_nothing_makes_no_version(staff: Any) -> None:
    row = newest("inversion")
    with pytest.raises(CatalogueRefused, match="Nothing was changed"):
        keeping.revise(row, content(row), staff, "why")


def test_the_catalogue_cannot_be_retired_away(staff: Any) -> None:
    slugs = list(catalogue())
    for slug in slugs[keeping.FEWEST :]:
        keeping.retire(newest(slug), staff, "cleaning up")
    with pytest.raises(CatalogueRefused) as refused:
        keeping.retire(newest(slugs[0]), staff, "cleaning up")
    assert refused.value.code == "too_few_personas"
    assert len(history.current()) == keeping.FEWEST


@pytest.mark.parametrize("verb", [keeping.retire, keeping.restore])
def test_who_lacks_the_permission_changes_nothing(user: Any, verb: Callable[..., Any]) -> None:
    with pytest.raises(NotAllowed):
        verb(newest("inversion"), user, "why")
    with pytest.raises(NotAllowed):
        keeping.add(FRESH, user, "why")
    assert not PersonaVersion.objects.filter(version__gt=1).exists()


def test_what_postgresql_cannot_store_is_cleaned_out_of_an_edit(staff: Any) -> None:
    row = keeping.add({**FRESH, "reasons": REASONS + " And\x00 the \ud800 dog."}, staff, "w\x00hy")
    row.refresh_from_db()
    assert row.reasons.endswith("And the \ufffd dog.")
    assert row.reason == "why"


# -- releases


def test_a_release_renews_what_it_shipped_and_never_undoes_an_edit(staff: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = newest("red-team")
    keeping.revise(row, content(row, name="Viktor S."), staff, "shorter")
    shipped = {slug: who for slug, who in catalogue().items() if slug != "boundary"}
    shipped["inversion"] = replace(shipped["inversion"], name="Thomasina Vey")
    shipped["red-team"] = replace(shipped["red-team"], name="Viktoria Sandoval")
    monkeypatch.setattr(keeping, "catalogue", lambda: shipped)
    assert keeping.take_over_release() == 2
    now = history.current()
    assert now["inversion"].name == "Thomasina Vey"
    assert now["red-team"].name == "Viktor S."
    assert "boundary" not in now
    assert keeping.take_over_release() == 0


# -- sessions


def reader_of(session: Session) -> TableReader:
    async def run(query: Callable[[], Any]) -> Any:
        return await sync_to_async(query)()  # back on the test's own thread and connection

    return TableReader(session.pk, run)


def ask(coroutine: Coroutine[Any, Any, Any]) -> Any:
    async def asked() -> Any:
        return await coroutine

    return async_to_sync(asked)()


def test_a_session_keeps_the_catalogue_it_was_brought_under(staff: Any, make_session: Any) -> None:
    old = make_session()
    row = newest("red-team")
    keeping.revise(row, content(row, name="Viktor S.", reasons=REASONS), staff, "why")
    keeping.retire(newest("inversion"), staff, "why")
    new = make_session()
    assert ask(texts.who(reader_of(old), 0, "red-team")) == catalogue()["red-team"]
    assert not ask(texts.who(reader_of(old), 0, "inversion")).retired
    assert ask(texts.who(reader_of(new), 0, "red-team")).name == "Viktor S."
    assert ask(texts.who(reader_of(new), 0, "inversion")).retired


def test_the_catalogue_costs_a_step_no_query_once_its_process_has_read_the_revision(make_session: Any) -> None:
    session = make_session()
    ask(reader_of(session).personas())
    reader = reader_of(session)
    ask(reader.brief())
    with CaptureQueriesContext(
        connection,
    ) as asked:
        for _ in range(5):
            ask(reader.personas())
            ask(texts.who(reader, 0, "red-team"))
    assert len(asked) == 0


def test_a_seat_is_read_once_for_all_who_ask(make_session: Any) -> None:
    session = make_session()
    for number in range(5):
        Seat.objects.create(
            session=session, key=f"s{number}", persona=f"p{number}", name="n", method="m", reason="r", provider="openai"
        )
    reader = reader_of(session)
    with CaptureQueriesContext(connection) as asked:
        assert {ask(texts.provider_of(reader, 0, f"p{number}")) for number in range(5)} == {"openai"}
    assert len(asked) == 1


@pytest.mark.django_db(transaction=True)
def test_a_session_that_is_run_and_run_again_after_an_edit_has_the_experts_it_was_begun_with(
    offline: Offline, make_session: Callable[..., Session]
) -> None:
    editor = get_user_model().objects.create_superuser("grace", "g@example.org", "a-long-enough-secret")
    session = make_session(problem=PROBLEM, options=CHOICES, constraints=LIMITS)
    for slug in list(catalogue())[:20]:
        row = newest(slug)
        keeping.revise(row, content(row, name=f"New {row.name}"), editor, "renamed")
    start.start(session)
    assert drive_session(session.pk) == Status.COMPLETED
    seats = list(Seat.objects.filter(session=session))
    names = {who.name for who in catalogue().values()}
    assert {seat.name for seat in seats} <= names
    assert {seat.version for seat in seats} == {1}
    spoken = set(Contribution.objects.filter(session=session).values_list("name", flat=True))
    assert spoken == {seat.name for seat in seats}

    # Back to the very beginning: the board is chosen again, and still from the catalogue it was brought under.
    Session.objects.filter(pk=session.pk).update(status=Status.FAILED, failure={"recoverable": True})
    resume_session_from_checkpoint(session.pk, retry_points(session)[-1].checkpoint_id, actor=editor)
    assert drive_session(session.pk) == Status.COMPLETED
    again = list(Seat.objects.filter(session=session, superseded=False))
    assert {seat.pk for seat in again}.isdisjoint({seat.pk for seat in seats})
    assert [(seat.persona, seat.name, seat.version) for seat in again] == [
        (seat.persona, seat.name, seat.version) for seat in seats
    ]


@pytest.mark.django_db(transaction=True)
def test_a_board_speaks_through_both_families_and_reports_the_same_as_through_one(
    offline: Offline, make_session: Callable[..., Session], settings: Any
) -> None:
    """Each seat is asked through its own provider first. What was said does not depend on the wire."""

    def debated() -> tuple[set[str], list[str]]:
        session = make_session(problem=PROBLEM, options=CHOICES, constraints=LIMITS)
        start.start(session)
        assert drive_session(session.pk) == Status.COMPLETED
        for seat in Seat.objects.filter(session=session):
            mine = Contribution.objects.filter(session=session, sub_problem=seat.sub_problem, persona=seat.persona)
            assert set(mine.values_list("provider", flat=True)) == {seat.provider or "anthropic"}
        voices = LLMCall.objects.filter(session_id=session.pk, node__in=["persona", "vote"])
        said = Contribution.objects.filter(session=session).order_by("key").values_list("claim", flat=True)
        return set(voices.values_list("provider", flat=True)), list(said)

    both, said = debated()
    settings.LLM_PROVIDERS = settings.LLM_PROVIDERS | {"openai": settings.LLM_PROVIDERS["openai"] | {"api_key": ""}}
    one, said_again = debated()
    assert (both, one) == ({"anthropic", "openai"}, {"anthropic"})
    assert said == said_again


@pytest.mark.django_db(transaction=True)
def test_when_a_family_is_away_its_seats_speak_through_the_other(
    offline: Offline, make_session: Callable[..., Session], settings: Any
) -> None:
    settings.LLM_PROVIDERS = settings.LLM_PROVIDERS | {
        "openai": settings.LLM_PROVIDERS["openai"] | {"base_url": "http://127.0.0.1:9/openai/v1"}
    }
    settings.LLM_RETRY_BASE = settings.LLM_RETRY_CAP = 0.01
    session = make_session(problem=PROBLEM, options=CHOICES, constraints=LIMITS)
    start.start(session)
    assert drive_session(session.pk) == Status.COMPLETED
    assert "openai" in set(Seat.objects.filter(session=session).values_list("provider", flat=True))
    assert set(Contribution.objects.filter(session=session).values_list("provider", flat=True)) == {"anthropic"}


@pytest.mark.django_db(transaction=True)
def test_two_edits_at_the_same_moment_leave_one_and_tell_the_other() -> None:
    """Real connections: the second waits at the catalogue's lock, and then finds that it was overtaken."""
    editor = get_user_model().objects.create_superuser("grace", "g@example.org", "a-long-enough-secret")
    row = newest("inversion")
    gate, told = threading.Barrier(4), []

    def edit(number: int) -> None:
        try:
            gate.wait(10)
            told.append(keeping.revise(row, content(row, name=f"Name {number}"), editor, "race").name)
        except CatalogueRefused as refused:
            told.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert told.count("persona_changed") == 3
    [winner] = [one for one in told if one != "persona_changed"]
    assert history.current()["inversion"].name == winner
    assert list(PersonaVersion.objects.filter(slug="inversion").order_by("pk").values_list("version", flat=True)) == [
        1,
        2,
    ]
