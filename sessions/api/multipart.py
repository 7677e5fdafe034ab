"""A decision with files: one part ``decision``, which is the JSON of a request without files, and parts ``documents``.

So nothing is guessed from texts that a form would send: a number is a number, a list is a list, and what is unknown is
refused as in any other request.
"""

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from sessions.api.strict import MAX_NAME, StrictJSONParser
from sessions.documents import Upload

PARTS = ("decision", "documents")


def taken(request: Request) -> tuple[Any, list[Upload]]:
    """The decision as JSON, and the files that came with it (none when the request is JSON itself)."""
    data = request.data
    if not isinstance(data, QueryDict):
        return data, []
    for name in data:
        if name not in PARTS:
            text = f"There is no part “{name[:MAX_NAME]}”. Known: {', '.join(PARTS)}."
            raise _wrong(name[:MAX_NAME], text, "unknown_field")
    parts: list[Any] = data.getlist("decision")
    if len(parts) != 1:
        text = "The part “decision” is missing." if not parts else "The part “decision” has to be there once."
        raise _wrong("decision", text, "required" if not parts else "wrong_type")
    body = parts[0].read() if isinstance(parts[0], UploadedFile) else parts[0].encode(errors="replace")
    files: list[Any] = data.getlist("documents")
    for number, file in enumerate(files):
        if not isinstance(file, UploadedFile):
            raise _wrong(f"documents.{number}", "Send each document as a file, with its name.", "wrong_type")
    return StrictJSONParser().parse(BytesIO(body)), [Upload(file.name or "", file.read()) for file in files]


def _wrong(field: str, text: str, code: str) -> ValidationError:
    return ValidationError({field: [ErrorDetail(text, code)]})
