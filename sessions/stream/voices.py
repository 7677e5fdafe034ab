"""The passing words of one watched session, as a pure state machine: what is being written, and what a client lacks."""

from sessions.speech.wire import Words
from sessions.stream import frames

#: Seconds without a message after which a voice counts as gone (a worker repeats itself every three seconds).
SILENCE = 10.0

#: What one client has been told: by key of the voice, its run and how many characters.
Heard = dict[str, tuple[int, int]]


class Voices:
    """``hear`` takes messages in any order and number; ``news`` says what a client still has to be told."""

    def __init__(self) -> None:
        self._now: dict[str, tuple[Words, float]] = {}
        self._ended: dict[str, float] = {}
        self._encoded: dict[tuple[str, int, int, int], bytes] = {}

    def hear(self, words: Words, now: float) -> bool:
        """Take in a message; whether it changed anything."""
        known = self._now.get(words.key)
        if words.ended:
            self._ended[words.key] = now
            return self._now.pop(words.key, None) is not None
        if words.key in self._ended:
            return False  # overtaken by its own end
        if known is not None and (words.run, len(words.text)) <= (known[0].run, len(known[0].text)):
            if (words.run, len(words.text)) == (known[0].run, len(known[0].text)):
                self._now[words.key] = known[0], now
            return False
        self._now[words.key] = words, now
        return True

    def tidy(self, now: float) -> bool:
        """Forget voices that fell silent without an end; whether there were any."""
        silent = [key for key, (_, at) in self._now.items() if now - at > SILENCE]
        for key in silent:
            del self._now[key]
        self._ended = {key: at for key, at in self._ended.items() if now - at <= SILENCE}
        self._encoded.clear()
        return bool(silent)

    def news(self, heard: Heard) -> bytes:
        """Frames that bring a client from ``heard`` to now; ``heard`` is brought there too."""
        out = b""
        for key, (words, _) in self._now.items():
            run, at = heard.get(key, (words.run, 0))
            if run != words.run:
                at = 0  # it began anew; what comes at 0 replaces all
            elif key in heard and at >= len(words.text):
                continue
            heard[key] = words.run, len(words.text)
            out += self._encode(words, at)
        for key in [key for key in heard if key not in self._now]:
            del heard[key]
            out += frames.event("speaking", {"key": key, "end": True})
        return out

    def _encode(self, words: Words, at: int) -> bytes:
        """Most clients lack the same piece, which is then encoded once."""
        which = words.key, words.run, at, len(words.text)
        frame = self._encoded.get(which)
        if frame is None:
            if len(self._encoded) > 256:
                self._encoded.clear()
            data = {"key": words.key, "node": words.node, "persona": words.persona, "at": at, "text": words.text[at:]}
            frame = self._encoded[which] = frames.event("speaking", data)
        return frame
