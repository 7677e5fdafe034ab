"""docs/api.md is run as it stands: every command against a whole product, in the order of the page."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sessions import event_types
from tests.live import Board, board

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
#: How each language is run, on a file with the block in it.
RUN = {
    "bash": ["bash", "-euo", "pipefail"],
    "python": [sys.executable],
    "javascript": ["node", "--input-type=module", "-e"],
}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with board(tmp_path_factory.mktemp("docs")) as running:
        running.add_user()
        yield running


@pytest.mark.slow
def test_the_page_does_what_it_says(product: Board, tmp_path: Path) -> None:
    env = {**os.environ, "BOARD": product.url, "TOKEN": _token(product)}
    output, ran = "", 0
    for language, text in BLOCK.findall(PAGE.read_text()):
        if language in RUN:
            output = _run(language, text, env, tmp_path)
            ran += 1
        elif language == "json":
            _alike(json.loads(text), json.loads(output), "")
        else:
            assert text.strip().lower() in output.lower(), f"{text!r} is not in:\n{output}"
    assert ran >= 10
    assert (tmp_path / "memo.md").read_text().startswith("# ")


def _run(language: str, text: str, env: dict[str, str], where: Path) -> str:
    """Run one block in ``where``; what a shell block exports is there for the blocks after it."""
    if language == "javascript":
        command = [*RUN[language], text]
    else:
        script = where / f"block.{language}"
        script.write_text(text + ("\nenv -0 > .env\n" if language == "bash" else ""))
        command = [*RUN[language], str(script)]
    done = subprocess.run(command, env=env, cwd=where, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{text}\n→ {done.returncode}\n{done.stdout}\n{done.stderr}"
    if language == "bash":
        pairs = (entry.partition("=") for entry in (where / ".env").read_text().split("\0") if entry)
        env.update({name: value for name, _, value in pairs})
    else:
        assert "session_completed" in done.stdout, done.stdout + done.stderr
    return done.stdout


def _token(product: Board) -> str:
    return product.script(
        "from django.contrib.auth import get_user_model as m; from sessions.services.tokens import rotate;"
        "print(rotate(m().objects.get(username='ada')).key)"
    ).split()[-1]


def _alike(shown: Any, real: Any, path: str) -> None:
    """Everything the page shows is there: the same words and codes, a number for a number, a text for “…”."""
    if isinstance(shown, dict):
        assert isinstance(real, dict), path
        for name, value in shown.items():
            assert name in real, f"{path}.{name} is missing from {list(real)}"
            _alike(value, real[name], f"{path}.{name}")
    elif isinstance(shown, list):
        assert isinstance(real, list), path
        assert len(real) >= len(shown), f"{path} is shorter than shown"
        for index, value in enumerate(shown):
            _alike(value, real[index], f"{path}[{index}]")
    elif shown == "…":
        assert isinstance(real, str), path
        assert real, path
    elif isinstance(shown, (int, float)) and not isinstance(shown, bool) and not path.endswith(".status"):
        assert isinstance(real, (int, float)), path
    else:
        assert real == shown, f"{path} is {real!r}"


def test_the_page_lists_every_event_with_its_fields() -> None:
    text = PAGE.read_text()
    for name, schema in event_types.SCHEMAS.items():
        row = re.search(rf"^\| `{name}` \| (.*) \|$", text, re.M)
        assert row, f"{name} is missing"
        assert set(re.findall(r"`(\w+)`", row[1])) == set(schema.model_fields), name


def test_the_page_names_no_call_that_does_not_exist() -> None:
    from tests.api.test_schema import document

    known = set(document()["paths"])
    for path in re.findall(r"\$BOARD(/api/v1/[^\"?\s]*)", PAGE.read_text()):
        assert path.replace("$SESSION", "{id}").replace("$ACTION", "{id}") in known, path
