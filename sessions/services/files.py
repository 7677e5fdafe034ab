"""A decision written down in a text file, and documents beside it."""

from collections.abc import Iterable
from pathlib import Path

from sessions.documents import Attachment, Upload, read
from sessions.services.start import Decision, InvalidDecision

_SECTIONS = {"options": "options", "constraints": "constraints", "context": "context"}


def decision_from(path: Path, context: Path | None = None) -> Decision:
    """Read a decision from a file. Raises ``InvalidDecision`` when a file cannot be read as UTF-8 text."""
    return decision_in(_read(path), context)


def decision_in(text: str, context: Path | None = None) -> Decision:
    """Read a decision: plain text, then optional ``## Options``, ``## Constraints`` (lists) and ``## Context``.

    Raises ``InvalidDecision`` when ``context`` cannot be read as UTF-8 text.
    """
    parts: dict[str, list[str]] = {"problem": [], "options": [], "constraints": [], "context": []}
    current = "problem"
    for line in text.splitlines():
        heading = line.removeprefix("##").strip().lower() if line.startswith("##") else ""
        if heading in _SECTIONS:
            current = _SECTIONS[heading]
        else:
            parts[current].append(line)
    if context is not None:
        parts["context"].append(_read(context))
    return Decision(
        "\n".join(parts["problem"]).strip(),
        "\n".join(parts["context"]).strip(),
        _listed(parts["options"]),
        _listed(parts["constraints"]),
    )


def documents_from(paths: Iterable[Path]) -> list[Attachment]:
    """Documents that lie in files. Raises ``InvalidDecision`` when one cannot be opened, and ``InvalidDocument``."""
    uploads: list[Upload] = []
    for path in paths:
        try:
            uploads.append(Upload(path.name, path.read_bytes()))
        except OSError as error:
            raise InvalidDecision("unreadable_file", "file", f"{path} cannot be read: {error}") from None
    return read(uploads)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDecision("unreadable_file", "file", f"{path} cannot be read as UTF-8 text: {error}") from None


def _listed(lines: list[str]) -> list[str]:
    return [text for line in lines if (text := line.strip().removeprefix("-").removeprefix("*").strip())]
