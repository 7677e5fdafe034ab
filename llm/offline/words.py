"""Words: the small closed lists and rules of English that let a user's phrase be built into a sentence."""

import re
import tomllib
from pathlib import Path

_LISTS: dict[str, str] = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))
# Verbs that open an option ("Hire a …"); none is commonly the first word of a noun phrase.
VERBS = frozenset(_LISTS["verbs"].split())
# Verbs that are as often nouns: taken as verbs only before one of the CUES, a number or an adverb.
DOUBTFUL = frozenset(_LISTS["doubtful"].split())
CUES = frozenset(_LISTS["cues"].split())
# Verbs that double their last letter: cut, cutting.
_DOUBLED = frozenset(_LISTS["doubled"].split())
# Words that cannot end a phrase, and that keep no capital inside a sentence.
SMALL = frozenset(_LISTS["small"].split())
# Verb forms by which a clause is known to be a whole statement; words that open one; words that point back and cannot.
FINITE = frozenset(_LISTS["finite"].split())
OPENERS = frozenset(_LISTS["openers"].split())
ANAPHORIC = frozenset(_LISTS["anaphoric"].split())
# Words with a capital that name nothing.
NOT_NAMES = frozenset(_LISTS["not_names"].split())

_PRONOUNS = {
    "we": "you", "i": "you", "us": "you", "me": "you", "our": "your", "my": "your", "ours": "yours", "mine": "yours",
    "ourselves": "yourselves", "myself": "yourself", "we're": "you're", "i'm": "you're", "we've": "you've",
    "i've": "you've", "we'll": "you'll", "i'll": "you'll", "we'd": "you'd", "i'd": "you'd", "am": "are",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z][A-Za-z’']*")
_WAS = re.compile(r"\b([Yy]ou) was\b")


def gerund(verb: str) -> str:
    """hire → hiring, cut → cutting, lie → lying, see → seeing."""
    if verb in _DOUBLED:
        return verb + verb[-1] + "ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "ye", "oe")):
        return verb[:-1] + "ing"
    return verb + "ing"


def is_verb(word: str, following: str) -> bool:
    """Whether `word`, the first of a phrase, is a verb, given the word after it."""
    if word in DOUBTFUL:
        return following in CUES or following[:1].isdigit() or following.endswith("ly")
    return word in VERBS


def to_owner(text: str) -> str:
    """The owner's words as said to the owner: we → you, our → your."""

    def turned(match: re.Match[str]) -> str:
        word = match.group()
        other = _PRONOUNS.get(word.lower().replace("’", "'"))
        if other is None or (word.isupper() and len(word) > 1):
            return word
        return other.capitalize() if word[0].isupper() and word.lower() not in ("i", "i'm", "i've", "i'll") else other

    return _WAS.sub(r"\1 were", _WORD.sub(turned, text))


def lower_first(text: str) -> str:
    """Lower case for the first word when it is an ordinary word (no acronym, no name, not I)."""
    first = re.match(r"[A-Za-z’'-]+", text)
    if first is None:
        return text
    word = first.group()
    ordinary = word.lower() in SMALL or word.lower() in VERBS or word.lower() in DOUBTFUL
    if ordinary and word != "I" and (len(word) == 1 or not word.isupper()):
        return text[0].lower() + text[1:]
    return text


def capital(text: str) -> str:
    """A sentence's first letter raised, also behind an opening quotation mark."""
    at = 1 if text[:1] in "“‘(" else 0
    return text[:at] + text[at : at + 1].upper() + text[at + 1 :]


def listed(items: list[str], joint: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number_word(number: int) -> str:
    return NUMBERS[number] if 0 <= number < len(NUMBERS) else str(number)
