"""From what was sent to what is kept: counted, measured, recognised, turned into clean text."""

import re
import time
from collections.abc import Iterable, Sequence

from django.db import connection

from sessions.cleaning import storable
from sessions.documents import pdf
from sessions.documents.attachment import (
    LARGEST,
    LARGEST_TOTAL,
    LONGEST,
    MOST,
    Attachment,
    InvalidDocument,
    Upload,
    clean_name,
)
from sessions.documents.kinds import PDF, decoded, kind_of

#: Seconds for all documents of a request together.
SECONDS = 20.0

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_GAPS = re.compile(r"\n{3,}")


def read(uploads: Sequence[Upload]) -> list[Attachment]:
    """Every document with its text, in order. Raises ``InvalidDocument`` for the first that cannot be taken.

    It may take seconds, so it runs before the transaction that stores the result, and holds no connection meanwhile.
    """
    count(len(uploads))
    for position, upload in enumerate(uploads):
        _weigh(position, upload)
    weigh_together(len(upload.data) for upload in uploads)
    if uploads and not connection.in_atomic_block:
        connection.close()
    deadline = time.monotonic() + SECONDS
    found: list[Attachment] = []
    for position, upload in enumerate(uploads):
        try:
            found.append(_attachment(upload, deadline))
        except InvalidDocument as refused:
            raise refused.at(position, clean_name(upload.name)) from None
    return found


def count(documents: int) -> None:
    """Raises ``InvalidDocument`` for more documents than a decision may have."""
    if documents > MOST:
        raise InvalidDocument("too_many_documents", f"Attach at most {MOST} documents; these are {documents}.")


def weigh_together(sizes: Iterable[int]) -> None:
    """Raises ``InvalidDocument`` for more bytes than all documents of a decision may have together."""
    if sum(sizes) > LARGEST_TOTAL:
        raise InvalidDocument("documents_too_large", f"All documents together may have {LARGEST_TOTAL // 10**6} MB.")


def _weigh(position: int, upload: Upload) -> None:
    name, size = clean_name(upload.name), len(upload.data)
    if not size:
        raise InvalidDocument("document_empty", "It is empty.").at(position, name)
    if size > LARGEST:
        raise InvalidDocument(
            "document_too_large", f"It has {size / 10**6:.1f} MB; the most is {LARGEST // 10**6} MB."
        ).at(position, name)


def _attachment(upload: Upload, deadline: float) -> Attachment:
    kind = kind_of(upload.name, upload.data)
    pages = None
    if kind == PDF:
        raw, pages = pdf.text_of(upload.data, min(pdf.SECONDS, deadline - time.monotonic()))
    else:
        raw = decoded(upload.data)
    text = clean(raw)
    if not text:
        raise InvalidDocument("document_empty", "There is no text in it.")
    if len(text) > LONGEST:
        raise InvalidDocument(
            "document_too_long",
            f"It has {len(text):,} characters; the most is {LONGEST:,}. Attach what the decision turns on.",
        )
    return Attachment(clean_name(upload.name), kind, len(upload.data), pages, text, upload.sha256)


def clean(text: str) -> str:
    """``text`` with one kind of line break, without control characters, lone surrogates and runs of empty lines."""
    flat = str(storable(text)).replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\v", "\n")
    return _GAPS.sub("\n\n", _CONTROLS.sub("", flat)).strip()
