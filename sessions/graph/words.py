"""Comparing short texts by their content words. Deterministic and without a model: a measure, not a judgement."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from math import sqrt

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SUFFIXES = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ed", "es", "ly", "s", "e")
_FUNCTION_WORDS = """
a about above after again against all also am an and any are as at be because been before being below between both
but by can could did do does doing down during each either else even ever every few for from further get gets had
has have having he her here hers him his how i if in into is it its itself just keep let like make makes may me
might more most much must my need needs neither no nor not now of off on once one only or other our out over own per
rather same shall she should since so some still such than that the their them then there these they this those
through to too two under until up upon us use very was we well were what when where whether which while who whom why
will with within without would yes yet you your
"""
_EMPTY = frozenset(_FUNCTION_WORDS.split())


@lru_cache(maxsize=8192)  # a debate says the same words again and again
def stem(word: str) -> str:
    """A word without its commonest English endings; short words stay as they are."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


@lru_cache(maxsize=4096)  # a round compares each text with every other, and a runner drives a hundred rounds at once
def content(text: str) -> tuple[str, ...]:
    """Stems of the words that carry meaning, in order. Numbers count; function words do not."""
    words = (word.lower() for word in _WORD.findall(text))
    return tuple(stem(word) for word in words if word not in _EMPTY and (len(word) > 1 or word.isdigit()))


@lru_cache(maxsize=1024)
def _counted(text: str) -> tuple[dict[str, int], int]:
    """How often each content word stands in a text, and the sum of the squares of that."""
    counts = dict(Counter(content(text)))
    return counts, sum(count * count for count in counts.values())


def closeness(one: str, other: str) -> float:
    """Cosine of the two texts' counts of content words, from 0 to 1."""
    (left, left_size), (right, right_size) = _counted(one), _counted(other)
    dot = sum(left[word] * right[word] for word in left.keys() & right.keys())
    return dot / sqrt(left_size * right_size) if dot else 0.0


def overlap(one: Iterable[str], other: Iterable[str]) -> float:
    """Jaccard index of two sets of stems, from 0 to 1."""
    left, right = set(one), set(other)
    return len(left & right) / len(left | right) if left or right else 0.0
