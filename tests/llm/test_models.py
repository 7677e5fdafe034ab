"""Model ids are a matter of settings, and the default ones are those of the SDKs."""

import re
from pathlib import Path
from typing import get_args

from tests.live import ROOT

_ID = re.compile(r"\b(claude-[a-z]+-\d|gpt-\d)")


def sources() -> list[Path]:
    folders = ("bo1site", "llm", "sessions", "replanning")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]


def ids_in(path: Path) -> set[str]:
    return set(re.findall(r'"((?:claude|gpt)-[a-z0-9.-]*\d[a-z0-9.-]*)"', path.read_text(encoding="utf-8")))


def test_the_default_models_are_known_to_the_sdks() -> None:
    from anthropic.types.model import Model
    from openai.types.shared.chat_model import ChatModel

    known = {name for part in get_args(Model) for name in get_args(part)} | set(get_args(ChatModel))
    defaults = ids_in(ROOT / "bo1site" / "settings.py")
    assert len(defaults) == 4
    assert defaults <= known


def test_no_model_id_stands_in_the_code() -> None:
    found = [path.name for path in sources() if _ID.search(path.read_text(encoding="utf-8"))]
    assert found == ["settings.py"]
