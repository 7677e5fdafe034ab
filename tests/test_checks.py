"""Misconfiguration is a system check with a hint; the documented production settings are clean."""

import re
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from pytest_django import Settings

from tests.live import ROOT, manage


def ids() -> set[str]:
    return {message.id for message in run_checks() if message.id}


def test_the_defaults_raise_no_message() -> None:
    assert run_checks() == []


@override_settings(LEASE_SECONDS=2.0, HEARTBEAT_SECONDS=1.0)
def test_a_lease_shorter_than_three_heartbeats_is_an_error() -> None:
    assert "bo1site.E001" in ids()


def test_a_primary_provider_without_a_key_is_an_error(settings: Settings) -> None:
    providers = {name: {**entry, "api_key": ""} for name, entry in settings.LLM_PROVIDERS.items()}
    with override_settings(LLM_PROVIDERS=providers):
        assert "bo1site.E002" in ids()


def test_fallback_without_a_second_key_is_a_warning(settings: Settings) -> None:
    providers = dict(settings.LLM_PROVIDERS)
    providers["openai"] = {**providers["openai"], "api_key": ""}
    with override_settings(LLM_PROVIDERS=providers):
        assert "bo1site.W001" in ids()


def test_the_documented_production_settings_pass_the_deploy_check() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    block = re.search(r"```sh\n# production\n(.*?)```", text, re.S)
    assert block, "docs/settings.md shows no production block"
    env = dict(line.split("=", 1) for line in block[1].splitlines() if "=" in line)
    result = manage("check", "--deploy", "--fail-level", "WARNING", env=env, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_production_without_a_secret_key_says_what_to_set(tmp_path: Path) -> None:
    env = {"BO1_PRODUCTION": "1", "SECRET_KEY": "", "BO1_DATA": str(tmp_path)}
    result = manage("check", env=env, check=False)
    assert result.returncode != 0
    assert "SECRET_KEY is not set" in result.stderr


def test_no_migration_is_missing() -> None:
    result = manage("makemigrations", "--check", "--dry-run", env={}, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text
