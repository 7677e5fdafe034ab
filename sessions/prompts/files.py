"""Prompt files: ``<name>.md`` with ``version: N`` in front matter and ``$name`` where something is filled in."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parent
_FILE = re.compile(r"\A---\n(?P<front>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)
_VERSION = re.compile(r"^version:\s*(\d+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A system prompt. ``version`` goes up whenever a word of ``text`` changes."""

    name: str
    version: int
    text: str

    def render(self, **values: str) -> str:
        """The text with every ``$name`` filled in. A missing or unused value raises: a prompt never has a hole."""
        template = Template(self.text)
        unused = set(values) - set(template.get_identifiers())
        if unused:
            raise KeyError(f"the prompt {self.name} has no place for {', '.join(sorted(unused))}")
        return template.substitute(values)


def names() -> list[str]:
    return sorted(path.stem for path in _FOLDER.glob("*.md"))


@cache
def prompt(name: str) -> Prompt:
    """Raises ``ValueError`` for a file without front matter or version, ``FileNotFoundError`` for no file."""
    path = _FOLDER / f"{name}.md"
    found = _FILE.match(path.read_text(encoding="utf-8"))
    version = _VERSION.search(found["front"]) if found else None
    if found is None or version is None:
        raise ValueError(f"{path.name} must start with a line ---, then version: N, then a line ---")
    return Prompt(name, int(version[1]), found["body"].strip())
