from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def browser(client: Client, user: Any) -> Client:
    """A client signed in as ``user``."""
    client.force_login(user)
    return client
