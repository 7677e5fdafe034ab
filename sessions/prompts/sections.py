"""The prompt as tagged sections. What people and models wrote stands inside them as data and cannot leave them.

``<`` becomes ``&lt;``, so no text can open or close a section; items of lists are put on one line, so no text can
forge another item; ``|`` separates columns, so it becomes ``/`` in them. Empty sections are left out.
"""

from collections.abc import Iterable, Sequence

#: Characters of free text in a section: all that a session may hold. Longer ones are cut, and the cut is said.
LONGEST_TEXT = 60_000
#: Characters of all documents of a decision together. Every question to a model repeats them, so they are bounded.
LONGEST_DOCUMENTS = 24_000


def escaped(text: str) -> str:
    return text.replace("<", "&lt;")


def one_line(text: str) -> str:
    return escaped(" ".join(text.split()))


def column(text: str) -> str:
    return one_line(text).replace("|", "/")


def attribute(text: str) -> str:
    return one_line(text).replace('"', "'").replace(">", "&gt;")


def block(tag: str, text: str, *, limit: int = LONGEST_TEXT) -> str:
    """A section of free text, with its line breaks."""
    text = text.strip()
    if not text:
        return ""
    if len(text) > limit:
        text = f"{text[:limit].rstrip()}\n[cut here: {len(text) - limit} characters more]"
    return f"<{tag}>\n{escaped(text)}\n</{tag}>"


def documents(papers: Sequence[tuple[str, str, str, int]], *, limit: int = LONGEST_DOCUMENTS) -> str:
    """A section for each document: (name, kind, beginning of the text, characters in all).

    They share ``limit`` characters: short ones are whole, long ones have equal parts. A cut is said in words.
    """
    room = shares([characters for *_, characters in papers], limit)
    return joined(
        *(
            _document(name, kind, text[:most].rstrip(), characters, number, len(papers))
            for number, ((name, kind, text, characters), most) in enumerate(zip(papers, room, strict=True), 1)
        )
    )


def shares(wanted: Sequence[int], limit: int) -> list[int]:
    """``limit`` divided so that nobody gets more than wanted, and what one leaves goes to the others in equal parts."""
    given = [0] * len(wanted)
    left = limit
    for done, (want, index) in enumerate(sorted((want, index) for index, want in enumerate(wanted))):
        given[index] = min(want, left // (len(wanted) - done))
        left -= given[index]
    return given


def _document(name: str, kind: str, text: str, characters: int, number: int, of: int) -> str:
    missing = characters - len(text)
    cut = f"\n[cut here: the document goes on for {missing} characters that the board does not see]"
    head = f'document number="{number}" of="{of}" name="{attribute(name)}" kind="{attribute(kind)}"'
    return f"<{head}>\n{escaped(text)}{cut if missing > 0 else ''}\n</document>"


def items(tag: str, lines: Iterable[str]) -> str:
    """A section of one-line items."""
    listed = [f"- {one_line(line)}" for line in lines if line.strip()]
    return "\n".join([f"<{tag}>", *listed, f"</{tag}>"]) if listed else ""


def table(tag: str, rows: Iterable[Iterable[str]], **attributes: str) -> str:
    """A section of items with columns: ``- a | b | c``."""
    listed = ["- " + " | ".join(column(cell) for cell in row) for row in rows]
    head = " ".join([tag, *(f'{name}="{attribute(value)}"' for name, value in attributes.items())])
    return "\n".join([f"<{head}>", *listed, f"</{tag}>"]) if listed else ""


def round_(number: int, of: int) -> str:
    return f'<round number="{number}" of="{of}"/>'


def joined(*sections: str) -> str:
    return "\n\n".join(section for section in sections if section)
