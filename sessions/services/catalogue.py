"""Keeping the catalogue of personas: add, revise, retire, restore, and take over what a release ships.

A persona is never changed in place: every verb adds a version, with who made it and why, and an audit entry in the
same transaction. Sessions that have begun keep the revision they were brought under.

Lock: one advisory lock for the whole catalogue, taken first. Under it ids grow in the order of commits, which is what
makes the newest id a revision, and two people who share a method meet here.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from django.db import connection, transaction

from sessions.cleaning import storable
from sessions.models import PersonaVersion
from sessions.personas import history
from sessions.personas.catalogue import FIELDS, Persona, alone, catalogue, persona_of
from sessions.services.access import require_staff
from sessions.services.audit import record

EDIT = "board.edit_catalogue"
#: Of PostgreSQL's advisory locks, the one that writers of the catalogue take.
LOCK = 0x626F31_01
#: A board has five seats, and an owner may refuse some: with fewer people a choice would be none.
FEWEST = 12


class CatalogueRefused(ValueError):
    """The catalogue cannot be changed like that; ``code`` says why, the text what to do."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def add(content: Mapping[str, Any], actor: Any, reason: str) -> PersonaVersion:
    """A new persona. Raises ``CatalogueRefused``, ``NotAllowed``."""
    require_staff(actor, EDIT)
    person = _checked(content)
    with transaction.atomic():
        people = _locked()
        if person.slug in people:
            raise CatalogueRefused("persona_exists", f"“{person.slug}” is in the catalogue already; revise it instead.")
        return _write(person, people, "persona_add", actor, reason)


def revise(row: PersonaVersion, content: Mapping[str, Any], actor: Any, reason: str) -> PersonaVersion:
    """A new version of the persona of ``row``, which has to be the newest: nobody's edit is overwritten unseen."""
    require_staff(actor, EDIT)
    person = _checked({**content, "slug": row.slug})
    with transaction.atomic():
        people = _locked()
        old = _newest(row, people)
        if replace(person, version=old.version, retired=old.retired) == old:
            raise CatalogueRefused("nothing_changed", "Nothing was changed in it.")
        return _write(replace(person, retired=old.retired), people, "persona_revise", actor, reason)


def retire(row: PersonaVersion, actor: Any, reason: str) -> PersonaVersion:
    """From now on no new board seats it. Boards that have it keep it."""
    require_staff(actor, EDIT)
    with transaction.atomic():
        people = _locked()
        old = _newest(row, people)
        if old.retired:
            raise CatalogueRefused("persona_retired", "It is retired already.")
        if sum(not who.retired for who in people.values()) <= FEWEST:
            raise CatalogueRefused(
                "too_few_personas", f"The catalogue needs at least {FEWEST} personas. Add one before you retire this."
            )
        return _write(replace(old, retired=True), people, "persona_retire", actor, reason)


def restore(row: PersonaVersion, actor: Any, reason: str) -> PersonaVersion:
    """Make the content of ``row``, retired or of an older version, the persona again, as a new version."""
    require_staff(actor, EDIT)
    with transaction.atomic():
        people = _locked()
        old, person = people[row.slug], replace(history.persona(row), retired=False)
        if replace(person, version=old.version) == old:
            raise CatalogueRefused("nothing_changed", "This is how the persona reads now.")
        return _write(person, people, "persona_restore", actor, reason)


def take_over_release() -> int:
    """Store what this release ships, where it is new; return how many versions that made.

    A persona whose newest version is by staff stays as it is: a release never undoes an edit. One that a release no
    longer ships is retired. Runs after every migration, and changes nothing when nothing is new.
    """
    with transaction.atomic():
        people = _locked(stored_only=True)
        by_staff = set(
            PersonaVersion.objects.order_by("slug", "-pk")
            .distinct("slug")
            .values_list("slug", "origin")
            .filter(slug__in=people)
        )
        kept = {slug for slug, origin in by_staff if origin == PersonaVersion.Origin.STAFF}
        shipped = catalogue()
        fresh = [
            replace(person, version=(people[slug].version if slug in people else 0) + 1)
            for slug, person in shipped.items()
            if slug not in kept and (slug not in people or _content(people[slug]) != _content(person))
        ]
        fresh += [
            replace(person, version=person.version + 1, retired=True)
            for slug, person in people.items()
            if slug not in shipped and slug not in kept and not person.retired
        ]
        PersonaVersion.objects.bulk_create(
            PersonaVersion(
                **_columns(person),
                origin=PersonaVersion.Origin.RELEASE,
                author="release",
                reason="Shipped" if not person.retired else "No longer shipped",
            )
            for person in fresh
        )
    return len(fresh)


def _locked(*, stored_only: bool = False) -> dict[str, Persona]:
    """Everybody in the catalogue now, under the lock of its writers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    revision = history.current_revision()
    return {} if stored_only and not revision else history.at(revision)


def _newest(row: PersonaVersion, people: dict[str, Persona]) -> Persona:
    newest = people[row.slug]
    if newest.version != row.version:
        raise CatalogueRefused(
            "persona_changed", f"Somebody has changed it meanwhile: version {newest.version} is the newest. Look at it."
        )
    return newest


def _checked(content: Mapping[str, Any]) -> Persona:
    try:
        return persona_of(storable({name: content.get(name) for name in FIELDS}))
    except ValueError as error:
        raise CatalogueRefused("invalid_persona", f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def _write(person: Persona, people: dict[str, Persona], action: str, actor: Any, reason: str) -> PersonaVersion:
    old = people.get(person.slug)
    if not person.retired:
        try:
            alone(person, [who for who in people.values() if not who.retired])
        except ValueError as error:
            raise CatalogueRefused("persona_not_distinct", f"No two may be alike: {error}.") from None
    row = PersonaVersion.objects.create(
        **_columns(replace(person, version=(old.version if old else 0) + 1)),
        origin=PersonaVersion.Origin.STAFF,
        author=actor.get_username() if hasattr(actor, "get_username") else str(actor),
        reason=storable(reason),
    )
    record(
        actor,
        action,
        row,
        reason=storable(reason),
        before=_columns(old) if old else {},
        after=_columns(history.persona(row)),
    )
    return row


def _content(person: Persona) -> Persona:
    return replace(person, version=0)


def _columns(person: Persona) -> dict[str, Any]:
    return asdict(person) | {"domains": list(person.domains)}
