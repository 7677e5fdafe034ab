"""Run as a script by ``pdf`` with a PDF on standard input; answers one JSON object. It knows nothing of the product."""

import io
import json
import sys


def confine(seconds: int, memory: int) -> None:
    """Where the system can: so much processor time and memory, and no file written."""
    try:
        import resource
    except ImportError:
        return
    for kind, limit in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def extract(data: bytes, pages: int, characters: int) -> dict[str, object]:
    from pypdf import PdfReader
    from pypdf.errors import DependencyError

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted:
        try:
            opened = bool(reader.decrypt(""))  # many are encrypted with an empty password, and open for everybody
        except (DependencyError, NotImplementedError):
            opened = False
        if not opened:
            return {"code": "document_encrypted"}
    count = len(reader.pages)
    if count > pages:
        return {"code": "document_too_many_pages"}
    found: list[str] = []
    length = 0
    for page in reader.pages:
        text = page.extract_text().strip()
        length += len(text) + 2
        if length > characters + 2:
            return {"code": "document_too_long"}
        found.append(text)
    text = "\n\n".join(part for part in found if part)
    if not text.strip():
        return {"code": "document_broken" if not count else "document_without_text"}
    return {"text": text, "pages": count}


def main() -> None:
    limits = json.loads(sys.argv[1])
    data = sys.stdin.buffer.read()
    confine(limits["seconds"], limits["memory"])
    try:
        answer = extract(data, limits["pages"], limits["characters"])
    except Exception:  # whatever a parser raises on what is no PDF
        answer = {"code": "document_broken"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
