"""A PostgreSQL server that tests may stop, kill and restart while everybody else's goes on."""

import secrets
import shutil
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from bo1site import embedded
from tests.live import fill, start_server

_TEMPLATE = "board"


class OwnServer:
    """One server in ``data``. Whoever harms it may leave it as it is: ``url`` and ``fresh`` start it again.

    Not below pytest's own directory: another run makes that private, and the server is another user.
    """

    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="board-pg-")) / "postgres"
        self._migrated = False

    def url(self, database: str = "postgres") -> str:
        if not embedded.is_running(self.data):
            start_server(self.data)
        return embedded.attach(self.data, database=database, own=False)

    def fresh(self) -> str:
        """The URL of a new database with the product's tables."""
        if not self._migrated:
            fill(self.url(_TEMPLATE))
            self._migrated = True
        name = f"board_{secrets.token_hex(4)}"
        with psycopg.connect(self.url(), autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(_TEMPLATE))
            )
        return self.url(name)

    def remove(self) -> None:
        embedded.stop(self.data)
        shutil.rmtree(self.data.parent, ignore_errors=True)
