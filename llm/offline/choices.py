"""Choices: the options, each in the forms a sentence needs, with what kind of step it is."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from llm.offline.kinds import KINDS, kinds_of
from llm.offline.prompt import Brief
from llm.offline.reader import act_of, headline, is_hostile, read_story, split_sentences, without_tags
from llm.offline.seeds import Dice
from llm.offline.topics import Topic, topic_of
from llm.offline.words import CUES, DOUBTFUL, SMALL, VERBS, capital, gerund, is_verb, lower_first, to_owner

_PREFIX = re.compile(r"^\s*(?:option\s+\w{1,2}\s*[:.)–—-]|\(?[a-fA-F1-9][.):]|[-*•])\s+", re.IGNORECASE)
_ITEM = re.compile(r"^\s*(?:option\s+\w{1,2}\s*[:.)–—-]|\(?[a-fA-F1-9][.):]|[-*•])\s+(.{3,300})$", re.IGNORECASE)
_INLINE = re.compile(r"(?:^|[\s,;(])\(?(?:option\s)?[a-eA-E1-5]\)\s")
_LISTED = re.compile(r"\b(?:options|alternatives|choices)\s*(?:are|include|:)\s*:?\s*(.+)$", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween\s+(.+?)\s+and\s+(.+?)[.?!]?$", re.IGNORECASE)
_EITHER = re.compile(r"\beither\s+(.+)$", re.IGNORECASE)
_CAN = re.compile(r"\b(?:can|could|may|might)\s+(.+?)[.?!]?$", re.IGNORECASE)
_WISH = re.compile(
    r"\b(?:wants? to|prefers? to|hopes? to|insists? that we|(?:would|['’]d) rather|(?:would|['’]d) like to)\s+([^.;]+?)"
    r"(?=[.;]|,?\s+(?:and|but|while)\s+\w+\s+(?:want|would|prefer|hope|insist)|$)",
    re.IGNORECASE,
)
_ALSO = re.compile(r"\b(?:could|can|might|may)\s+also\s+([^.;?!]+)", re.IGNORECASE)
_ITS = re.compile(r"\bits\s+((?:[a-z-]+\s?){1,3})", re.IGNORECASE)
_OFFERED = re.compile(r"\b(?:offers?|offered|bids?|proposal)\b", re.IGNORECASE)
#: What can be done about an offer, where its receiver names nothing else.
OFFER = ("Accept the offer", "Decline the offer", "Ask for better terms before answering")
#: What is left to who has been offered something and names another way beside it.
DECLINE = "Decline, and keep things as they are"
_OR = re.compile(r",?\s+(?:or(?:\s+(?:else|rather|instead|should we|do we))?|versus|vs\.?)\s+", re.IGNORECASE)
_TAIL = re.compile(r"\s+[–—-]\s+|;\s|\s\(|:\s|,\s(?=which|so|because|with|where|but)")
MOST = 6
ADVERBS = ("first", "just", "simply", "only")
LEFT_ALONE = (
    "Keep things as they are and set a date to look again",
    "Leave it as it is for now and decide again in three months",
)
BREAKS = frozenset(
    (
        "and",
        "as",
        "with",
        "by",
        "for",
        "to",
        "before",
        "until",
        "after",
        "at",
        "on",
        "in",
        "instead",
        "from",
        "over",
        "or",
    )
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One option. `text` is verbatim; `ing` and `do` fit as noun phrase and after "to"; `quoted` is its name. The short
    forms are for the second mention."""

    text: str
    quoted: str
    ing: str
    do: str
    short_quoted: str
    short_ing: str
    short_do: str
    kinds: tuple[str, ...]

    def scores(self) -> dict[str, float]:
        """The option on the scales of kinds.toml, each about -1 to 1."""
        found = [KINDS[kind].scales for kind in self.kinds]
        # What the option is first counts twice as much as what it is besides.
        first, other = found[0], found[-1]
        return {scale: (2 * first.get(scale, 0.0) + other.get(scale, 0.0)) / 3 for scale in first | other}


@lru_cache(maxsize=4096)
def choice(text: str) -> Choice:
    """The option's forms. Text that speaks to a machine is kept as the name of the option and nothing else."""
    label = _label(text)
    quoted = f"“{label}”"
    phrase = to_owner(lower_first(label))
    words = phrase.split()
    verb = words[0].lower().rstrip(",") if words else ""
    if is_hostile(text) or not words:
        ing, do = f"the option {quoted}", f"choose {quoted}"
    elif is_verb(verb, words[1].lower() if len(words) > 1 else "to"):
        phrase = verb + phrase[len(verb) :]
        ing, do = _gerunds(phrase), phrase
    elif verb in ADVERBS and len(words) > 2 and is_verb(words[1].lower(), words[2].lower()):
        rest = " ".join(words[1:])
        ing, do = _gerunds(rest), rest
    elif verb in ("not", "don't", "don’t", "never") and len(words) > 1:
        rest = " ".join(words[1:])
        ing, do = f"not {_gerunds(rest)}", f"decide against {_gerunds(rest)}"
    elif verb.endswith("ing") and len(verb) > 5 and verb not in ("pricing", "housing", "marketing", "training"):
        ing, do = phrase, f"go for {phrase}"
    else:
        ing, do = f"the option {quoted}", f"choose {quoted}"
    short = f"“{briefly(label)}”"
    if quoted in ing:
        return Choice(
            text, quoted, ing, do, short, ing.replace(quoted, short), do.replace(quoted, short), kinds_of(text)
        )
    return Choice(text, quoted, ing, do, short, briefly(ing), briefly(do), kinds_of(text))


def briefly(phrase: str) -> str:
    """The phrase up to the first place where it may end, if it is longer than five words."""
    words = phrase.split()
    if len(words) <= 5:
        return phrase
    for number, word in enumerate(words[3:9], start=3):
        if words[number - 1].endswith(",") or (word.lower() in BREAKS and words[number - 1].lower() not in SMALL):
            return " ".join(words[:number]).strip(" ,")
    return phrase


def _label(text: str) -> str:
    """A short name: without numbering, tags, and whatever explains it."""
    clean = _PREFIX.sub("", without_tags(text)).strip(" .;,\"“”'")
    parts = _TAIL.split(clean, maxsplit=1)
    head = parts[0] if len(parts[0].split()) > 1 else clean
    words = head.split()
    if len(words) > 16:
        words = words[:16]
        while len(words) > 4 and words[-1].lower().strip(",") in SMALL:
            words.pop()
    return " ".join(words).strip(" ,;:–—-.") or clean[:60] or "this option"


def _gerunds(phrase: str) -> str:
    """The verb phrase with its verbs, also those after "and" or "then", in -ing form."""
    words = phrase.split()
    out: list[str] = []
    for number, word in enumerate(words):
        bare = word.lower().strip(",")
        after = words[number + 1].lower() if number + 1 < len(words) else ""
        joined = number > 0 and words[number - 1].lower().strip(",") in ("and", "then", "but", "or")
        opens = bare in VERBS or bare in DOUBTFUL or number == 0
        if number == 0 or (joined and opens and (not after or after in CUES or after[:1].isdigit())):
            out.append(word.replace(bare, gerund(bare), 1) if bare in word else gerund(bare))
        else:
            out.append(word)
    return " ".join(out)


def choices_for(brief: Brief) -> list[Choice]:
    """The options in force: those of the section, else those named in the text, else sensible ones for the topic."""
    found = [choice(text) for text in options_for(brief)]
    shorts = [one.short_quoted for one in found]
    # Two options may begin alike; their short forms would then say the same.
    return [one if shorts.count(one.short_quoted) == 1 else _at_length(one) for one in found]


def _at_length(one: Choice) -> Choice:
    return replace(one, short_quoted=one.quoted, short_ing=one.ing, short_do=one.do)


@lru_cache(maxsize=512)
def options_for(brief: Brief) -> tuple[str, ...]:
    found = list(brief.options)
    if not found:
        found = _named(brief.decision) or _named(brief.context)
    distinct = list(dict.fromkeys(item[:400] for item in found))[:MOST]
    if len(distinct) < 2:
        distinct = distinct[:1] + [item for item in _proposed(brief, distinct) if item not in distinct]
    return tuple(distinct[:MOST])


def _named(text: str) -> list[str]:
    items = [match.group(1).strip(" .;") for line in text.splitlines() if (match := _ITEM.match(line))]
    if len(items) >= 2:
        return items
    clean = without_tags(text)
    inline = _INLINE.split(clean)
    if len(inline) >= 3:
        parts = [re.split(r"[.?!](?:\s|$)", part)[0] for part in inline[1:]]
        return [capital(re.sub(r"[,;]?\s*(?:and|or)?\s*$", "", part).strip(" ,;")) for part in parts]
    sentences = [one for one in split_sentences(clean) if not is_hostile(one)]
    for sentence in sentences:
        listed = _LISTED.search(sentence)
        if listed:
            parts = re.split(r";\s*(?:or\s+|and\s+)?|,\s+or\s+", listed.group(1).strip(" ."))
            if len(parts) >= 2:
                return [capital(part.strip()) for part in parts]
    story = read_story(text)
    for reading in (_alternatives, _open_to_us, _wishes):
        for sentence in [story.core, *sentences]:
            found = reading(sentence)
            if found:
                return found
    return []


def _open_to_us(sentence: str) -> list[str]:
    """ "Our choir can sing A, or B": what somebody can do."""
    found = _CAN.search(sentence)
    if not found or " or " not in found.group(1):
        return []
    words = found.group(1).split()
    if not is_verb(words[0].lower(), words[1].lower() if len(words) > 1 else ""):
        return []
    return _alternatives(f"Should we {found.group(1)}?")


def _wishes(sentence: str) -> list[str]:
    """ "Jonas wants to A; I would rather B": what people want who do not want the same."""
    said = [found.strip(" ,.;") for found in _WISH.findall(sentence)]
    said = [part for part in said if is_verb(*([*part.lower().split(), "it"][:2]))]
    return [capital(part) for part in said] if len(said) >= 2 else []


def _alternatives(sentence: str) -> list[str]:
    """ "Should we A or B?", "either A or B", "between A and B"."""
    asked = act_of(sentence) if sentence else ""
    either, between = _EITHER.search(sentence), _BETWEEN.search(sentence)
    if between and not sentence.lower().startswith("should"):
        parts = [between.group(1), between.group(2)]
    elif either:
        parts = _OR.split(either.group(1))
    elif asked != sentence.strip(" .?!:") or " versus " in sentence or " vs" in sentence:
        parts = _OR.split(asked)
    else:
        return []
    parts = [piece.strip(" ,.?!") for part in parts for piece in _enumerated(part)]
    parts = [re.sub(r"^(?:rather|instead|should (?:we|i))\s+", "", part) for part in parts if part]
    if not 2 <= len(parts) <= MOST or any(len(part.split()) > 30 or len(part) < 3 for part in parts):
        return []
    first = parts[0].split()
    if is_verb(first[0].lower(), first[1].lower() if len(first) > 1 else ""):
        # "hire a senior or two juniors": the later parts borrow the verb.
        for number, part in enumerate(parts[1:], start=1):
            words = part.lower().split()
            words = words[1:] if words[0] in ADVERBS and len(words) > 1 else words
            verbal = is_verb(words[0], words[1] if len(words) > 1 else "to") or words[0] in ("not", "neither")
            if part.lower() == "not":
                parts[number] = f"Do not {lower_first(parts[0])}"
            elif not verbal:
                parts[number] = f"{first[0]} {part}"
    return [capital(part) for part in _resolved(parts)]


def _resolved(parts: list[str]) -> list[str]:
    """ "close its ward, keep it open": every option names what it is about, since it will stand alone."""
    found = _ITS.search(parts[0])
    if found is None:
        return parts
    words = found.group(1).split()
    thing = " ".join(words[: next((n for n, word in enumerate(words) if word.lower() in SMALL), len(words))])
    if not thing:
        return parts
    first = f"{parts[0][: found.start()]}the {thing}{parts[0][found.start(1) + len(thing) :]}"
    return [first, *(re.sub(r"\bit\b", f"the {thing}", part, count=1) for part in parts[1:])]


def _enumerated(part: str) -> list[str]:
    """ "raise the price, introduce a fee": each piece that is a step of its own. What only explains one is left out."""
    pieces = [piece for piece in part.split(", ") if not piece.lower().startswith(("which ", "who ", "where "))]
    verb = pieces[0].split()[0] if pieces and pieces[0].split() else ""
    pieces = [f"{verb} {piece}" if piece.lower().startswith("only ") and verb else piece for piece in pieces]
    opened = [[*piece.lower().split(), "", ""][:2] for piece in pieces]
    return pieces if len(pieces) > 1 and all(is_verb(one, two) for one, two in opened) else [part]


def _proposed(brief: Brief, given: list[str]) -> list[str]:
    """Options for a text that names none: the step itself, a smaller first step, and leaving it."""
    topic: Topic = topic_of(brief)
    dice = Dice("options", brief.decision)
    story = read_story(brief.story)
    act = act_of(story.core)
    words = act.lower().split()
    own = headline(story.core, 18) if words and is_verb(words[0], words[1] if len(words) > 1 else "to") else ""
    if not own and not given and _OFFERED.search(brief.decision):
        return list(OFFER)
    also = [part.strip(" ,") for part in _ALSO.findall(brief.decision)]
    also = [capital(part) for part in also]
    if own and also and not given:
        return [own, *also[:2], DECLINE]
    first = [] if given else [own or capital(dice.pick(topic.bold))]
    return [*first, capital(dice.pick(topic.probes)), dice.pick(LEFT_ALONE)]
