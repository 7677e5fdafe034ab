import pytest

from sessions.services.catalogue import take_over_release


@pytest.fixture(autouse=True)
def shipped(db: None) -> None:
    """What a migration leaves, whatever the tests before have emptied."""
    take_over_release()
