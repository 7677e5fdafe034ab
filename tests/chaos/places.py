"""Where chaos happens: a product whose parts are started one by one, and requests that keep its connections."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.stream.processes import Site


def site_on(url: str, directory: Path, **env: str) -> Site:
    """A product on this database of which nothing runs yet; its figures and data lie in ``directory``."""
    given = {"DATABASE_URL": url, "BO1_DATA": str(directory / "data"), "METRICS_DIR": str(directory / "metrics")}
    return Site(url, directory, {**given, **env})


@contextlib.contextmanager
def every_session_held(site: Site) -> Iterator[None]:
    """Lock the sessions' table, so that every request that needs it keeps its connection."""
    with psycopg.connect(site.database_url) as connection:
        connection.execute("LOCK TABLE board_session IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()
