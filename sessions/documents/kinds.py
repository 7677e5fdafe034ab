"""What a document is, by its bytes. The name and the declared type are claims of its sender."""

from sessions.documents.attachment import InvalidDocument

TEXT, MARKDOWN, PDF = "text", "markdown", "pdf"

#: A PDF may be preceded by other bytes, within the first kilobyte.
_PDF_WITHIN = 1024
#: Formats that people attach by mistake, by their first bytes.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a Word, Excel or zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Word or Excel file"),
    (b"{\\rtf", "a rich text file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"RIFF", "a picture or a sound"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1f\x8b", "a compressed file"),
    (b"SQLite format 3", "a database"),
)
#: Control characters that plain text has; more than one in a hundred of the others, and it is none.
_USUAL = frozenset("\t\n\r\f\v")


def kind_of(name: str, data: bytes) -> str:
    """``pdf``, ``markdown`` or ``text``. Raises ``InvalidDocument`` (``document_kind``) for anything else."""
    if b"%PDF-" in data[:_PDF_WITHIN]:
        return PDF
    for first, what in _OTHERS:
        if data.startswith(first) and (len(first) > 2 or b"\x00" in data[:512]):
            raise unreadable(f"This is {what}.")
    return MARKDOWN if name.casefold().endswith((".md", ".markdown", ".mdown")) else TEXT


def decoded(data: bytes) -> str:
    """The text of ``data``: UTF-8 or UTF-16 by its mark, else UTF-8, else Windows-1252.

    Raises ``InvalidDocument`` (``document_kind``) when it is no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    odd = sum(1 for letter in text if letter < " " and letter not in _USUAL) + text.count("\ufffd")
    if odd * 100 > len(text):
        raise unreadable("This is not text.")
    return text


def unreadable(what: str) -> InvalidDocument:
    return InvalidDocument("document_kind", f"{what} Attach plain text, Markdown or PDF.")
