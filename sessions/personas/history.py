"""The catalogue as it stood at a revision: what releases shipped and staff edited, in the order in which it came.

Readers never wait for the database twice: a revision is a number that a session carries, and what stands behind it
never changes, so each process reads it once.
"""

from collections import OrderedDict
from threading import Lock

from django.db.models import Max

from sessions.models import PersonaVersion
from sessions.personas.catalogue import Persona, catalogue

#: Revisions that a process keeps. Sessions of more are rare, and cost one query each time.
KEPT = 32

_known: OrderedDict[int, dict[str, Persona]] = OrderedDict()
_lock = Lock()


def current_revision() -> int:
    """The newest revision; 0 where nothing is stored, which stands for what the release ships."""
    return PersonaVersion.objects.aggregate(newest=Max("pk"))["newest"] or 0


def at(revision: int) -> dict[str, Persona]:
    """Everybody in the catalogue at ``revision``, retired ones too, by slug and in order of their first version."""
    if (known := cached(revision)) is not None:
        return known
    people = {row.slug: persona(row) for row in PersonaVersion.objects.filter(pk__lte=revision).order_by("pk")}
    if not people:
        return catalogue()
    with _lock:
        _known[revision] = people
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return people


def cached(revision: int) -> dict[str, Persona] | None:
    """What ``at`` would answer, when this process has read it before."""
    if not revision:
        return catalogue()
    with _lock:
        if revision in _known:
            _known.move_to_end(revision)
        return _known.get(revision)


def current() -> dict[str, Persona]:
    """Everybody whom a new board may seat."""
    return {slug: who for slug, who in at(current_revision()).items() if not who.retired}


def persona(row: PersonaVersion) -> Persona:
    return Persona(
        slug=row.slug,
        name=row.name,
        method=row.method,
        reasons=row.reasons,
        domains=tuple(row.domains),
        temperament=row.temperament,
        blind_spot=row.blind_spot,
        version=row.version,
        retired=row.retired,
    )
