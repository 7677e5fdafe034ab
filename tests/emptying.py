"""How a test that commits leaves the database as it found it.

Django truncates every table and then fills in content types, permissions and the catalogue again: a quarter of a
second, 700 times. Here only what holds rows is emptied, and what migrations put there stays unless a test changed it.
"""

from typing import Any

from django.db import connections
from django.test import TransactionTestCase

from sessions.services.catalogue import take_over_release

#: Filled by ``migrate``; no test of ours writes there.
KEPT = ("django_migrations", "django_content_type", "auth_permission")
#: Filled by ``migrate`` and edited by tests: emptied and filled again when it is not what it was.
CATALOGUE = "board_personaversion"

_EMPTY = """
DO $$
DECLARE name text; filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;  -- foreign keys and guards of history do not apply to the whole
    FOR name IN SELECT quote_ident(tablename) FROM pg_tables
                WHERE schemaname = 'public' AND tablename <> ALL (%(kept)s) ORDER BY tablename LOOP
        EXECUTE 'LOCK TABLE ' || name || ' IN SHARE ROW EXCLUSIVE MODE';  -- whoever still writes is waited for
        EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || name || ')' INTO filled;
        IF filled THEN
            EXECUTE 'DELETE FROM ' || name;
        END IF;
    END LOOP;
END $$
"""
_CONTENT = f"SELECT md5(string_agg(t::text, '|' ORDER BY t.id)) FROM {CATALOGUE} t"
_found: dict[str, str] = {}


def remember(alias: str = "default") -> None:
    """Note what migrations put into the catalogue of a fresh test database."""
    _found[alias] = _content(alias)


def empty(alias: str = "default") -> None:
    """Drop what tests have committed."""
    changed = _content(alias) != _found[alias]
    kept = KEPT if changed else (*KEPT, CATALOGUE)
    with connections[alias].cursor() as cursor:
        names = ", ".join(f"'{name}'" for name in kept)
        cursor.execute(_EMPTY.replace("%(kept)s", f"ARRAY[{names}]"))
    if changed:
        take_over_release()
        remember(alias)


def _after_each(test: Any) -> None:
    """What ``TransactionTestCase`` calls."""
    for alias in test._databases_names(include_mirrors=False):
        empty(alias)


def install() -> None:
    TransactionTestCase._fixture_teardown = _after_each  # type: ignore[method-assign]


def _content(alias: str) -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute(_CONTENT)
        return str(cursor.fetchone()[0])
