"""Products to harm."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.places import site_on
from tests.live import database
from tests.stream.processes import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A product of which nothing runs yet, on a database that is only its own."""
    with database() as url:
        running = site_on(url, tmp_path)
        try:
            yield running
        finally:
            running.stop()
