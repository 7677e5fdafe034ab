"""Callers of the API: real requests through Django's handler, with a token as an integrator has it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from sessions.services import tokens


class Caller:
    """An HTTP client that speaks JSON. ``problem`` asserts that an answer is a problem document with a code."""

    def __init__(self, token: str = "", **headers: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Token {token}"} if token else {}
        self.headers |= headers

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.client.get(path, query, headers=self.headers | (headers or {}))

    def post(self, path: str, body: Any = None, *, raw: bytes | None = None, type_: str = "application/json", **h: str):
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        headers = self.headers | {name.replace("_", "-"): value for name, value in h.items()}
        return self.client.generic("POST", path, data, content_type=type_, headers=headers)

    def call(self, method: str, path: str, **headers: str) -> Any:
        return self.client.generic(method, path, headers=self.headers | headers)


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Hashing a password for real takes longer than most tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def caller(user: Any) -> Caller:
    return Caller(tokens.rotate(user).key)


@pytest.fixture
def stranger(django_user_model: Any) -> Caller:
    other = django_user_model.objects.create_user("mallory", "m@example.org", "a-long-enough-secret")
    return Caller(tokens.rotate(other).key)


@pytest.fixture
def operator(staff: Any) -> Caller:
    return Caller(tokens.rotate(staff).key)


@pytest.fixture
def anybody(db: None) -> Caller:
    return Caller()


@pytest.fixture
def problem() -> Callable[..., dict[str, Any]]:
    """Assert that ``answer`` is a problem document of this status and code that helps; return it."""

    def check(answer: Any, status: int, code: str) -> dict[str, Any]:
        assert answer.status_code == status, answer.content
        assert answer["Content-Type"] == "application/problem+json"
        body: dict[str, Any] = answer.json()
        assert body["code"] == code, body
        assert body["status"] == status
        assert body["type"].endswith(f"/api/problems/#{code}")
        assert all(body[name].strip() for name in ("title", "detail", "hint")), body
        return body

    return check
