"""Rules, runbooks and dashboard speak of figures and pages that exist (MO1)."""

import json
import re
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import yaml

from bo1site.resilience import metrics as _resilience  # noqa: F401  (their figures register themselves)
from llm import metrics as _llm  # noqa: F401
from sessions import event_latency as _events  # noqa: F401
from sessions import figures
from sessions.admin import operations_page
from sessions.runner import metrics as _runner  # noqa: F401
from sessions.stream import metrics as _stream  # noqa: F401

DOCS = Path(__file__).resolve().parents[2] / "docs"
_NAME = re.compile(r"\b(?:board|llm)_[a-z_]+\b")


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((DOCS / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_every_alert_has_a_runbook_of_its_own_name() -> None:
    for rule in rules():
        runbook = DOCS.parent / rule["annotations"]["runbook"]
        text = runbook.read_text()
        assert f"`{rule['alert']}`" in text
        assert [line for line in text.splitlines() if line.startswith("## ")] == [
            "## What it means",
            "## What to look at",
            "## What to press",
        ]


def test_every_runbook_belongs_to_an_alert_and_names_just_its_own() -> None:
    of: dict[str, set[str]] = {}
    for rule in rules():
        of.setdefault(Path(rule["annotations"]["runbook"]).name, set()).add(rule["alert"])
    pages = {path.name: path.read_text() for path in (DOCS / "runbooks").glob("*.md") if path.name != "README.md"}
    assert set(pages) == set(of)
    for name, text in pages.items():
        [line] = [line for line in text.splitlines() if line.startswith("Alerts: ")]
        assert set(re.findall(r"`(\w+)`", line)) == of[name], name


def test_the_list_of_runbooks_has_every_alert_with_its_severity() -> None:
    listed = re.findall(
        r"\| `(\w+)` \((\w+)\) \| \[[^]]+\]\(([a-z-]+\.md)\)", (DOCS / "runbooks/README.md").read_text()
    )
    wanted = {(r["alert"], r["labels"]["severity"], Path(r["annotations"]["runbook"]).name) for r in rules()}
    assert set(listed) == wanted


def test_every_runbook_that_the_operations_page_names_exists() -> None:
    source = Path(operations_page.__file__).read_text()
    named = set(re.findall(r'"([a-z-]+\.md)"', source))
    assert len(named) > 6
    assert {name for name in named if not (DOCS / "runbooks" / name).exists()} == set()


@pytest.mark.django_db
def test_rules_and_dashboard_ask_for_figures_that_exist() -> None:
    known = {family.name for family in prometheus_client.REGISTRY.collect()} | {f.name for f in figures.collect()}
    known |= {"board_metrics_complete"}
    dashboard = json.loads((DOCS / "dashboard.json").read_text())
    asked = [rule["expr"] for rule in rules()]
    asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    text = (DOCS / "monitoring.md").read_text()
    asked += re.findall(r"`((?:board|llm)_[^`]+)`", text)
    names = {name for expression in asked for name in _NAME.findall(expression)}
    unknown = {name for name in names if re.sub(r"_(total|bucket|count|sum)$", "", name) not in known}
    assert unknown == set()
