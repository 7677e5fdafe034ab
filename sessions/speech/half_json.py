"""Reads the words out of JSON that is still being written."""

import re

#: Fields whose strings are labels rather than speech: an option's name, a slug, a decision between two words.
LABELS = frozenset({"option", "persona", "decision", "priority", "owner", "complexity"})
#: Characters after which an answer that goes on is not read any further.
LONGEST = 6000

_PLAIN = re.compile(r'[^"\\]+')
_BETWEEN = re.compile(r'[^"{}\[\],:]+')
_ESCAPES = {"n": " ", "t": " ", "r": "", "b": "", "f": ""}


class Reading:
    """The texts of one JSON document, in order, one a line. Takes any cut and any garbage, and never raises.

    ``text`` only ever grows while pieces of one document come. What stands before the first brace is not read.
    """

    __slots__ = (
        "_code",
        "_escaped",
        "_fresh",
        "_high",
        "_in_key",
        "_in_string",
        "_key",
        "_stack",
        "_wants_key",
        "text",
    )

    def __init__(self) -> None:
        self.text = ""
        self._stack: list[tuple[str, str]] = []  # the open brackets, each with the key that it stands under
        self._key = ""
        self._wants_key = self._in_string = self._in_key = self._escaped = self._fresh = False
        self._code: str | None = None  # the hexadecimal digits of \uXXXX so far
        self._high = ""  # the first half of a surrogate pair

    def push(self, piece: str) -> None:
        """Read on."""
        at = 0
        while at < len(piece) and len(self.text) < LONGEST:
            if not self._in_string:
                at = self._outside(piece, at)
            elif self._code is not None or self._escaped:
                self._escape(piece[at])
                at += 1
            elif (plain := _PLAIN.match(piece, at)) is not None:
                self._take(plain[0])
                at = plain.end()
            else:
                self._escaped = piece[at] == "\\"
                if not self._escaped:
                    self._close()
                at += 1

    def _outside(self, piece: str, at: int) -> int:
        skipped = _BETWEEN.match(piece, at)
        if skipped is not None:
            return skipped.end()
        char = piece[at]
        if char in "{[":
            if char == "{" or self._stack:
                self._stack.append((char, self._key))
            self._wants_key = char == "{"
        elif not self._stack:
            pass
        elif char in "}]":
            self._key = self._stack.pop()[1]
            self._wants_key = False
        elif char == ",":
            self._wants_key = self._stack[-1][0] == "{"
        elif char == ":":
            self._wants_key = False
        elif char == '"':
            self._open()
        return at + 1

    def _open(self) -> None:
        self._in_string, self._in_key = True, self._wants_key
        self._fresh = True
        if self._in_key:
            self._key = ""

    def _close(self) -> None:
        self._in_string = False
        self._wants_key = False
        self._high = ""

    def _escape(self, char: str) -> None:
        if self._code is None:
            self._escaped = False
            if char == "u":
                self._code = ""
            else:
                self._take(_ESCAPES.get(char, char))
            return
        self._code += char
        if len(self._code) < 4:
            return
        code, self._code = self._code, None
        try:
            number = int(code, 16)
        except ValueError:
            return
        if 0xD800 <= number < 0xDC00:
            self._high = chr(number)
        elif 0xDC00 <= number < 0xE000:
            if self._high:
                pair = (self._high + chr(number)).encode("utf-16", "surrogatepass").decode("utf-16")
                self._take(pair)
            self._high = ""
        elif number >= 32:
            self._take(chr(number))

    def _take(self, words: str) -> None:
        if self._in_key:
            self._key += words
        elif words and self._key not in LABELS:
            between = "\n" if self._fresh and self.text else ""
            self._fresh = False
            self.text += between + words.replace("\n", " ").replace("\r", "")
