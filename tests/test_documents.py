"""Documents tell the truth: links lead somewhere, and what they tell a reader to run exists."""

import argparse
import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.live import ROOT

DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_MAKE = re.compile(r"\bmake\s+(?:[A-Z_]+=\S+\s+)*([a-z][a-z-]*)")
_MANAGE = re.compile(r"\bmanage\.py[ \t]+([a-z][a-z_]*)([^\n`|;&#]*)")
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")


def code(text: str) -> str:
    """What stands in code: fenced blocks and spans, one a line."""
    fenced = _FENCE.findall(text)
    return "\n".join([*fenced, *_INLINE.findall(_FENCE.sub("", text))])


def links(text: str) -> list[str]:
    """Targets of links and images outside of code that lead to a file of ours."""
    prose = _INLINE.sub("", _FENCE.sub("", text))
    return [link for link in _LINK.findall(prose) if not re.match(r"[a-z]+:", link)]


def anchors(text: str) -> set[str]:
    """The names that GitHub gives to headings."""
    plain = [re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()) for heading in _HEADING.findall(text)]
    return {name.replace(" ", "-") for name in plain}


@cache
def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def dead(document: Path, link: str) -> str:
    """Why a link leads nowhere; "" when it leads somewhere."""
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return f"{link}: no such file"
    if anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
        return f"{link}: no such heading"
    return ""


def unknown_options(command: str, rest: str) -> list[str]:
    """Options of a command, or of the verb that follows it, that it does not take."""
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    words = rest.split()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and words and words[0] in action.choices:
            parser = action.choices[words[0]]
    known = {option for action in parser._actions for option in action.option_strings}
    return [option for option in _OPTION.findall(rest) if option not in known]


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert [why for link in links(text) if (why := dead(document, link))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    named = set(_MAKE.findall(code(document.read_text(encoding="utf-8"))))
    assert named - targets() == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_command_that_is_named_exists_and_takes_its_options(document: Path) -> None:
    for command, rest in _MANAGE.findall(code(document.read_text(encoding="utf-8"))):
        assert command in get_commands(), f"manage.py {command}"
        assert unknown_options(command, rest) == [], f"manage.py {command}{rest}"


def test_the_readers_find_what_they_should(tmp_path: Path) -> None:
    text = (
        "# A heading, `coded`\n[a](here.md) `make run` and make the bed ![b](c.png)\n"
        "```sh\nmake nothing-of-the-kind ARGS=1\npython manage.py dance --wildly\n[not](a-link.md)\n```\n"
    )
    document = tmp_path / "text.md"
    document.write_text(text)
    assert links(text) == ["here.md", "c.png"]
    assert dead(document, "here.md") == "here.md: no such file"
    assert dead(document, "#a-heading-coded") == ""
    assert dead(document, "#another") == "#another: no such heading"
    assert set(_MAKE.findall(code(text))) == {"run", "nothing-of-the-kind"}
    assert _MANAGE.findall(code(text)) == [("dance", " --wildly")]
    assert unknown_options("session", " kill-all --reason x --afresh") == ["--afresh"]
    assert unknown_options("evaluate", " suite --modes board --wildly") == ["--wildly"]
