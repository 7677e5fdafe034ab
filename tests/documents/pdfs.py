"""PDF files written by hand, so that what reads them is tested against the format and not against itself."""

import io
import zlib


def pdf(*pages: str, content: bytes | None = None, compress: bool = False, extra: bytes = b"") -> bytes:
    """A PDF with one page for each text; ``content`` replaces the drawing instructions of the only page."""
    streams = [content] if content is not None else [_drawn(text) for text in pages]
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(streams), b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(streams)))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, stream in enumerate(streams):
        body = zlib.compress(stream, 9) if compress else stream
        filtered = b" /Filter /FlateDecode" if compress else b""
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * number)
        )
        objects.append(b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(body), filtered, body))
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\n%sstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, extra, start)
    return bytes(out)


def _drawn(text: str) -> bytes:
    for special in "\\()":
        text = text.replace(special, f"\\{special}")
    shown = b" T* ".join(b"(%s) Tj" % line.encode("cp1252", errors="replace") for line in text.split("\n"))
    return b"BT /F1 11 Tf 14 TL 50 780 Td %s ET" % shown


def encrypted(password: str, *pages: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(*pages))))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
