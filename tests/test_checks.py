"""Misconfiguration is a system check with a hint; the documented production settings are clean."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from pytest_django import Settings

from bo1site import checks
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


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"RUNNER_LIFE": 400.0, "LLM_TOTAL_DEADLINE": 250.0}, "bo1site.E003"),
        ({"LOCK_TIMEOUT": 30.0}, "bo1site.W003"),
        ({"INTERACTIVE_LOCK_TIMEOUT": 6.0}, "bo1site.W003"),
        ({"SHED_WAIT_SECONDS": 5.0}, "bo1site.W004"),
        ({"QUEUE": "redis"}, "bo1site.E005"),
    ],
    ids=str,
)
def test_limits_that_do_not_fit_together_are_named(wrong: dict[str, Any], expected: str) -> None:
    with override_settings(**wrong):
        found = [message for message in run_checks() if message.id == expected]
    assert len(found) == 1
    assert found[0].hint


def test_a_replica_that_is_the_primary_is_a_warning(settings: Settings) -> None:
    """DB6. Called by itself: a changed DATABASES would ask Django's own checks for another connection."""
    databases = {**settings.DATABASES, "replica": dict(settings.DATABASES["default"])}
    with override_settings(DATABASES=databases):
        assert [message.id for message in checks.the_replica_is_another_server(None)] == ["bo1site.W005"]
    databases["replica"] = {**databases["replica"], "HOST": "elsewhere"}
    with override_settings(DATABASES=databases):
        assert checks.the_replica_is_another_server(None) == []


@override_settings(PRODUCTION=True, METRICS_TOKEN="", METRICS_LOOPBACK=False, OFFLINE=True)
def test_a_deployment_whose_figures_nobody_may_read_is_named() -> None:
    """MO1: and so is one that answers from the demonstration."""
    found = {message.id for message in run_checks(include_deployment_checks=True)}
    assert {"bo1site.W002", "bo1site.W006"} <= found


def test_every_check_of_ours_has_an_id_of_its_own_and_a_hint() -> None:
    source = "".join((ROOT / name).read_text() for name in ("bo1site/checks.py", "llm/checks.py"))
    made = len(re.findall(r"\b(?:Error|Warning)\($", source, re.M))
    named = re.findall(r'id="((?:bo1site|llm)\.[EW]\d{3})"', source)
    assert made == len(named) == len(set(named)) == len(re.findall(r"hint=", source)) > 10


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
