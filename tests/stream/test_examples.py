"""The examples of docs/streaming.md, run as they stand."""

import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
from rest_framework.authtoken.models import Token

from tests.live import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


def example(name: str) -> str:
    text = (ROOT / "docs" / "streaming.md").read_text()
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found, f"docs/streaming.md has no example {name}"
    return found[1]


@pytest.fixture
def over(make_session: Any, write: Any, set_status: Any) -> Any:
    session = make_session()
    write(session, 3)
    set_status(session, "completed")
    return session


def environment(web: Any, session: Any, user: Any) -> dict[str, str]:
    return {**os.environ, "URL": web.url, "SESSION": str(session.pk), "TOKEN": Token.objects.create(user=user).key}


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_curl_example_prints_every_event(web: Any, over: Any, user: Any) -> None:
    env = environment(web, over, user)
    done = subprocess.run(["sh", "-c", example("curl")], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert re.findall(r"^id: (\d+)$", done.stdout, re.MULTILINE) == ["1", "2", "3", "4", "5"]


def test_the_python_example_prints_every_event_and_stops(web: Any, over: Any, user: Any) -> None:
    env = environment(web, over, user)
    done = subprocess.run(
        [sys.executable, "-c", example("python")], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["1", "2", "3", "4", "5"]


def test_the_overview_example_prints_what_changes(web: Any, user: Any, make_session: Any, write: Any) -> None:
    session = make_session(owner=user)
    running = subprocess.Popen(
        [sys.executable, "-c", example("overview")],
        env=environment(web, session, user),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == 'overview {"by_status": {"created": 1}}\n'
        head = write(session)
        assert running.stdout.readline() == f"{session.pk} created {head}\n"
        assert running.stdout.readline().startswith("overview")
    finally:
        running.kill()
        running.wait(10)


def test_the_documented_codes_are_those_that_the_stream_answers_with() -> None:
    text = (ROOT / "docs" / "streaming.md").read_text()
    sources = "".join(path.read_text() for path in (ROOT / "sessions" / "stream").glob("*.py"))
    for code in set(re.findall(r'(?:refuse|problem)\(\s*\d+,\s*"(\w+)"', sources)) - {"method_not_allowed"}:
        assert f"`{code}`" in text, code
