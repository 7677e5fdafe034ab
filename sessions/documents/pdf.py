"""The text of a PDF, taken out by a process of its own.

A PDF is a program of sorts: a small one can unfold to gigabytes or keep a parser busy for ever. The process may use so
much time and memory and no more, sees no setting of ours, and if it dies nothing else does.
"""

import json
import subprocess
import sys
from pathlib import Path

from sessions.documents.attachment import LONGEST, MOST_PAGES, InvalidDocument

#: Seconds, and bytes of memory.
SECONDS, MEMORY = 10.0, 700_000_000

_WORKER = Path(__file__).with_name("pdf_worker.py")
_SAVE = "Save it again as a PDF, or attach its text."
_REFUSALS = {
    "document_encrypted": "It is protected by a password. Save a copy without one and attach that.",
    "document_broken": f"It cannot be read as a PDF. {_SAVE}",
    "document_too_many_pages": f"It has more than {MOST_PAGES} pages. Attach those that the decision turns on.",
    "document_too_long": f"It has more than {LONGEST:,} characters of text. Attach what the decision turns on.",
    "document_without_text": "No text can be found in it; its pages may be pictures. Attach its text instead.",
    "document_too_slow": f"It could not be read within {SECONDS:.0f} seconds. {_SAVE}",
}


def text_of(data: bytes, seconds: float = SECONDS) -> tuple[str, int]:
    """Text and number of pages. Raises ``InvalidDocument``; takes ``seconds`` at most."""
    limits = json.dumps({"pages": MOST_PAGES, "characters": LONGEST, "seconds": int(seconds) + 1, "memory": MEMORY})
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-B", str(_WORKER), limits],
            input=data,
            capture_output=True,
            timeout=max(seconds, 0.1),
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise refused("document_too_slow") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:  # it was stopped at its limits, or broke
        raise refused("document_too_slow" if done.returncode < 0 else "document_broken") from None
    if answer.get("code"):
        raise refused(str(answer["code"]))
    return str(answer["text"]), int(answer["pages"])


def refused(code: str) -> InvalidDocument:
    return InvalidDocument(code, _REFUSALS[code])
