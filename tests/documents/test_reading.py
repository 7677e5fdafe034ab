"""Reading what is attached: kinds by content, clean text, and a clear refusal with a code for everything else."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.documents import InvalidDocument, Upload, read
from sessions.documents import pdf as pdf_module
from sessions.documents.attachment import LARGEST, LONGEST, MOST, MOST_PAGES, clean_name
from tests.documents.pdfs import encrypted, pdf

pytestmark = pytest.mark.django_db


def one(name: str, data: bytes) -> tuple[str, str]:
    [found] = read([Upload(name, data)])
    return found.kind, found.text


def refusal(*uploads: tuple[str, bytes]) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as refused:
        read([Upload(name, data) for name, data in uploads])
    return refused.value


KINDS = [
    ("notes.txt", b"Rent is 400 a month.", "text", "Rent is 400 a month."),
    ("notes.md", b"# Rent\n\n- 400", "markdown", "# Rent\n\n- 400"),
    ("notes", "Müller \u2013 Straße".encode(), "text", "Müller \u2013 Straße"),
    ("marked.txt", b"\xef\xbb\xbfRent", "text", "Rent"),
    ("wide.txt", "Straße".encode("utf-16"), "text", "Straße"),
    ("old.txt", "Straße, 5 €".encode("cp1252"), "text", "Straße, 5 €"),
    ("lines.txt", b"a\r\nb\rc\x0cd\n\n\n\n\ne", "text", "a\nb\nc\nd\n\ne"),
    ("page.html", b"<script>alert(1)</script>", "text", "<script>alert(1)</script>"),
    ("liar.txt", pdf("A contract"), "pdf", "A contract"),
    ("preceded.bin", b"\n\n" + pdf("Behind two lines"), "pdf", "Behind two lines"),
    (
        "named.pdf",
        b"This is plain text, whatever its name says.",
        "text",
        "This is plain text, whatever its name says.",
    ),
    ("empty-password.pdf", encrypted("", "Opens for everybody"), "pdf", "Opens for everybody"),
]


@pytest.mark.parametrize(("name", "data", "kind", "text"), KINDS, ids=[row[0] for row in KINDS])
def test_a_document_is_what_its_bytes_say_and_not_what_it_is_called(
    name: str, data: bytes, kind: str, text: str
) -> None:
    assert one(name, data) == (kind, text)


def test_the_pages_of_a_pdf_are_read_in_order_and_counted() -> None:
    data = pdf("First page\nwith (two) lines", "Second page")
    [found] = read([Upload("a.pdf", data)])
    assert found.pages == 2
    assert found.text.index("First page") < found.text.index("with (two) lines") < found.text.index("Second page")
    assert (found.size, len(found.sha256)) == (len(data), 64)


REFUSED = [
    ("empty.txt", b"", "document_empty"),
    ("blank.txt", b" \n\t\n ", "document_empty"),
    ("big.txt", b"a" * (LARGEST + 1), "document_too_large"),
    ("long.txt", b"word " * (LONGEST // 5 + 1), "document_too_long"),
    ("plan.docx", b"PK\x03\x04" + bytes(60), "document_kind"),
    ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(60), "document_kind"),
    ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(60), "document_kind"),
    ("tool.exe", b"MZ\x90\x00" + bytes(60), "document_kind"),
    ("noise.txt", bytes(range(256)) * 4, "document_kind"),
    ("nul.txt", bytes(500), "document_kind"),
    ("locked.pdf", encrypted("secret", "Nobody reads this"), "document_encrypted"),
    ("broken.pdf", b"%PDF-1.7\nthis is where it ends", "document_broken"),
    ("half.pdf", pdf("A contract")[:150], "document_broken"),
    ("picture.pdf", pdf(content=b"0 0 100 100 re f"), "document_without_text"),
    ("thick.pdf", pdf(*["x"] * (MOST_PAGES + 1)), "document_too_many_pages"),
    ("endless.pdf", pdf(*["words " * 3000] * 20), "document_too_long"),
]


@pytest.mark.parametrize(("name", "data", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_taken_is_refused_with_a_code_its_name_and_what_to_do(name: str, data: bytes, code: str) -> None:
    refused = refusal(("fine.txt", b"Rent is 400."), (name, data))
    assert (refused.code, refused.field) == (code, "documents.1")
    assert str(refused).startswith(f"{name}: ")
    assert len(str(refused)) < 200


def test_more_documents_than_a_board_reads_are_refused_before_any_is_read() -> None:
    refused = refusal(*[("a.pdf", b"%PDF-")] * (MOST + 1))
    assert (refused.code, refused.field) == ("too_many_documents", "documents")


def test_all_documents_together_have_a_limit() -> None:
    assert refusal(*[("a.txt", b"a" * 4_900_000)] * 3).code == "documents_too_large"


def test_a_small_pdf_that_unfolds_to_more_than_memory_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb: letters packed a thousandfold, on a page that shows them. With less memory it takes less time."""
    monkeypatch.setattr(pdf_module, "MEMORY", pdf_module.MEMORY // 3)
    bomb = pdf(content=b"BT /F1 11 Tf (" + b"A" * 100_000_000 + b") Tj ET", compress=True)
    assert len(bomb) < 1_000_000
    began = time.monotonic()
    assert refusal(("bomb.pdf", bomb)).code in ("document_broken", "document_too_slow", "document_too_long")
    assert time.monotonic() - began < 60


def test_a_pdf_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_module, "SECONDS", 0.05)  # less than its process needs to start
    assert refusal(("slow.pdf", pdf("A contract"))).code == "document_too_slow"


def test_what_postgresql_refuses_is_cleaned_out() -> None:
    text = ("A long enough line of ordinary words. " * 20).encode()
    assert one("a.txt", text + b"\x00\x07end")[1].endswith("end")
    assert "\x00" not in one("a.txt", text + b"\x00\x07end")[1]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\papers\\plan.pdf", "plan.pdf"),
        ("a\x00b\nc.md", "ab c.md"),
        ("evil\u202efdp.exe", "evil fdp.exe"),
        ("", "document"),
        ("n" * 300 + ".pdf", "n" * 115 + "….pdf"),
        ("<img src=x>.md", "<img src=x>.md"),
    ],
)
def test_a_name_is_one_printable_line(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=400), st.sampled_from(["a.txt", "a.md", "a"]))
def test_any_bytes_that_are_no_pdf_are_read_or_refused_and_never_break_anything(data: bytes, name: str) -> None:
    if b"%PDF-" in data:
        return
    try:
        found = read([Upload(name, data)])
    except InvalidDocument as refused:
        code, found = refused.code, []
    assert found or code in ("document_kind", "document_empty")
    for attachment in found:
        assert attachment.text
        assert not {letter for letter in attachment.text if letter < " "} - {"\n", "\t"}
        attachment.text.encode()
