from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def browser(client: Client, user: Any) -> Client:
    """A client signed in as ``user``."""
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """A password that is slow to check protects nobody here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
