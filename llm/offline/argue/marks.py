"""An examiner's marks: by shared words alone, since this provider understands nothing."""

import re

from llm.offline.asking import Json
from llm.offline.prompt import Brief

_WORD = re.compile(r"[^\W_]{4,}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
#: Share of a criterion's longer words that the answer has to contain.
ENOUGH = 0.4


def marks(brief: Brief) -> Json:
    """A criterion is met when enough of its words occur; the evidence is the sentence that shares most of them."""
    given = [_mark(line, brief.answer) for line in brief.rubric]
    heard = brief.answer.lower()
    chosen = max(brief.options, key=lambda option: heard.count(option.lower()), default="")
    return {
        "marks": given,
        "chosen": chosen if chosen.lower() in heard else "",
        "defensible": True,
        "comment": "Marked by shared words alone: the offline provider understands nothing.",
    }


def _mark(line: str, answer: str) -> Json:
    """For a line of the rubric, ``id | text``."""
    name, _, text = line.partition(" | ")
    wanted = _words(text)
    shared = wanted & _words(answer)
    met = bool(wanted) and len(shared) / len(wanted) >= ENOUGH
    sentences = [part.strip() for part in _SENTENCE.split(answer) if part.strip()]
    best = max(sentences, key=lambda sentence: len(wanted & _words(sentence)), default="")
    return {"criterion": name.strip(), "met": met, "evidence": " ".join(best.split()[:30]) if met else ""}


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
