"""The reader: what can be known about a decision from the owner's own words, in pieces that fit into a sentence."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from llm.offline.words import ANAPHORIC, FINITE, NOT_NAMES, OPENERS, SMALL, VERBS, capital, is_verb, to_owner

_SENTENCE = re.compile(
    r"(?<=[?!])[\"”’)]?\s+|(?<=\.)[\"”’)]?\s+(?=[A-Z0-9“\"'(€$£])|\n+",
)
# A line break within a sentence, as editors and mail programs make them.
_HEADING = re.compile(r"^#{1,6}[ \t]+.*$", re.MULTILINE)
_WRAPPED = re.compile(r"(?<=[^\s.?!:;])[ \t]*\n(?=[a-z(])")
_CLAUSE = re.compile(r";\s+|\s+[–—]\s+|\s+-\s+|,\s+(?:but|so|while|and|yet|whereas)\s+")
_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,200}>")
# Characters of the owner's text that are read closely.
LONGEST = 30_000
# Text that speaks to a machine instead of about the decision. It is left out of what is quoted; nothing ever obeys it.
_ADDRESSED_TO_A_MACHINE = re.compile(
    r"\b(ignore|disregard|forget|override|bypass)\b.{0,60}\b(instruction|prompt|rule|above|previous|prior|everything)"
    r"|system prompt|you are now|as an ai\b|language model|\b(respond|reply|answer|output) (only|with|in json)"
    r"|\|\s*[01]\.\d+\s*\||\"(?:option|confidence|claim)\"\s*:|\bargues for\b.{0,80}:|&lt;|\[[cv]\d"
    r"|\b(?:consignes|anweisungen|instrucciones|istruzioni)\b|^\W*(?:new|neue) rule\b|\brules? above\b"
    r"|jailbreak|javascript:|on(error|load|click)\s*=|\bapi[ _]key|\bassistant:|\bsystem:|```|\{\{|\}\}",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"(?:(?:[€$£¥]|EUR|USD|GBP|CHF|AUD|CAD)\s?\d[\d.,]*\d?(?:\s?(?:k|K|m|M|bn|million|billion|thousand)\b)?"
    r"|\d[\d.,]*\d?\s?(?:k|K|m|M|bn|million|billion|thousand)?\s?(?:€|EUR|USD|GBP|CHF|euros?|dollars?|pounds|francs)(?!\w))"
    r"(?:\s(?:a|per|each)\s(?:year|month|week|day|hour|seat|user|unit|employee|person|head|customer|licen[cs]e)\b)?"
)
_PERCENT = re.compile(r"\d+(?:[.,]\d+)?\s?(?:%|per cent\b|percent\b)")
_SPELLED = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|eighteen|twenty|thirty"
_DURATION = re.compile(
    rf"\b(?:\d+(?:[.,]\d+)?|{_SPELLED})[ -](?:years?|months?|weeks?|days?|quarters?|hours?|minutes?)\b"
)
_COUNT = re.compile(
    rf"\b(?:\d[\d,.]*\d|[3-9]|{_SPELLED.removeprefix('one|two|')}|dozens of|hundreds of|thousands of)\s"
    r"(?:[a-z][a-z-]+\s)?"
    r"(?:people|employees|engineers?|developers?|nurses?|doctors?|customers?|clients?|users?|patients?|hospitals?|clinics?"
    r"|shops?|stores?|sites?|branches|services?|servers?|teams?|staff|seats?|students?|teachers?|families|members?"
    r"|subscribers?|orders?|tickets?|tables|databases?|suppliers?|countries|cities|markets?|units?|devices?|trucks?|drivers?"
    r"|births?|beds?|hectares|acres|guests?|tonnes?|midwives|voices|pupils?|residents?|miles|kilometres"
    r"|consultants?|partners?|investors?|children|kids|candidates?|applicants?|requests?|incidents?|outages?)\b"
)
# Words of a sentence that tell of something bad.
_BAD = re.compile(
    r"\b(?:leav(?:e|es|ing)|fail\w*|drop(?:s|ped)?|lose[sr]?|losing|lost|cannot|can['’]?t|won['’]?t|no longer|never"
    r"|leak\w*|outages?|refus\w+|declin\w+|madness|worse\w*|quit|danger\w*|delay\w*|unsafe"
    r"|too (?:late|dear|slow|small|many|few))\b",
    re.IGNORECASE,
)
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_DEADLINE = re.compile(
    r"\b(?:by|before|(?:valid|open|answer|time) until|ends? (?:on|in)|expires? (?:on|in)|due (?:on|in|by)"
    r"|deadline (?:is|of)|starts? (?:on|in))\s"
    rf"((?:the\s)?(?:end of\s|mid-|early\s|late\s)?(?:\d{{1,2}}\s)?(?:{_MONTHS}|{_DAYS}|Q[1-4]|summer|autumn|winter"
    r"|spring|Christmas|Easter|year-end)(?:\s\d{1,2}\b)?(?:,?\s20\d\d)?|20[23]\d)"
)
_NAME = re.compile(r"(?<![.!?“\"]\s)(?<!^)\b([A-Z][A-Za-z0-9&+-]*[A-Za-z0-9](?:\s(?:of\s)?[A-Z][A-Za-z0-9&+-]+){0,2})")
#: Whom nobody weighs like a thing.
_KIN = frozenset(
    ("father", "mother", "wife", "husband", "partner", "brother", "sister", "son", "daughter", "children", "friend",
     "co-founder")
)  # fmt: skip
_THING = re.compile(r"\b(?:our|my)\s((?:[A-Za-z][A-Za-z-]*\s?){1,4})", re.IGNORECASE)
_DECIDING = re.compile(
    r"\b(decid|consider|wonder|whether|should|choos|option|thinking about|not sure|unsure|been offered)", re.I
)


@dataclass(frozen=True, slots=True)
class Story:
    """The pieces. `givens` are clauses in the second person that fit after "given that"; `quotes` are the owner's own
    words; `things` are noun phrases such as "your support team"."""

    money: tuple[str, ...]
    percents: tuple[str, ...]
    durations: tuple[str, ...]
    counts: tuple[str, ...]
    deadlines: tuple[str, ...]
    names: tuple[str, ...]
    things: tuple[str, ...]
    givens: tuple[str, ...]
    quotes: tuple[str, ...]
    core: str
    words: int


@lru_cache(maxsize=512)
def read_story(text: str) -> Story:
    """Reads the owner's text; anything addressed to a machine is passed over."""
    text = _TAG.sub(" ", text[:LONGEST])
    sentences = [one for one in split_sentences(text) if not _ADDRESSED_TO_A_MACHINE.search(one)]
    sentences = [clean for one in sentences if (clean := " ".join(one.split()))][:120]
    whole = "\n".join(sentences)
    clauses = [part.strip(" .,:;!") for one in sentences if not one.endswith("?") for part in _CLAUSE.split(one)]
    clauses = [part for part in clauses if 4 <= len(part.split()) <= 24 and not _DECIDING.search(part)]
    names = _names(sentences)
    return Story(
        money=_found(_MONEY, whole),
        percents=_found(_PERCENT, whole),
        durations=tuple(item for item in _found(_DURATION, whole) if "-" not in item),  # "a two-year contract"
        counts=_found(_COUNT, whole),
        deadlines=_found(_DEADLINE, whole),
        names=names,
        things=_things(whole),
        givens=tuple(dict.fromkeys(given for part in clauses if (given := _given(part, names, whole)))),
        quotes=tuple(dict.fromkeys(part for part in clauses if _can_be_quoted(part))),
        core=_core(sentences),
        words=len(whole.split()),
    )


def _can_be_quoted(clause: str) -> bool:
    """Whether a clause says enough by itself: one that begins with its verb has left its subject behind."""
    first = clause.split()[0].lower()
    return first not in FINITE and (re.search(r"\d", clause) is not None or len(clause.split()) > 5)


def split_sentences(text: str) -> list[str]:
    text = _WRAPPED.sub(" ", _HEADING.sub("", text.replace("\r\n", "\n")))
    return [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]


def is_hostile(text: str) -> bool:
    """Whether a text speaks to a machine."""
    return _ADDRESSED_TO_A_MACHINE.search(text) is not None


def without_tags(text: str) -> str:
    return " ".join(_TAG.sub(" ", text).split())


def speaks_against(text: str, one: "Named | None", other: "Named | None") -> bool:
    """Whether a sentence of the owner's tells something bad of what the option ``one`` has and ``other`` has not."""
    if one is None or other is None or not _BAD.search(text):
        return False
    return bool((_stems(one.text) - _stems(other.text)) & _stems(text))


class Named(Protocol):
    @property
    def text(self) -> str: ...


def _stems(text: str) -> frozenset[str]:
    words = (word.lower().rstrip("s") for word in re.findall(r"[^\W\d_][\w-]{3,}", text))
    return frozenset(word for word in words if word not in SMALL and word not in VERBS)


def _found(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = [match.group(1) if match.groups() else match.group() for match in pattern.finditer(text)]
    return tuple(dict.fromkeys(item.strip(" ,.") for item in found))[:12]


def _names(sentences: list[str]) -> tuple[str, ...]:
    counted: dict[str, int] = {}
    for sentence in sentences:
        for match in _NAME.finditer(sentence):
            name = match.group(1)
            if name.split()[0] not in NOT_NAMES and not name.isdigit() and len(name) > 2:
                counted[name] = counted.get(name, 0) + 1
    whole = " ".join(sentences)
    ranked = sorted(counted, key=lambda name: -counted[name])[:12]
    return tuple(f"the {name}" if re.search(rf"\bthe {re.escape(name)}\b", whole) else name for name in ranked)


def _things(text: str) -> tuple[str, ...]:
    things: list[str] = []
    for match in _THING.finditer(text):
        kept: list[str] = []
        for word in match.group(1).split():
            low = word.lower()
            if low in SMALL or low in FINITE or low in VERBS or low.removesuffix("s") in VERBS or low.endswith("ly"):
                break
            kept.append(word)
        if kept and kept[0].lower() not in _KIN and not kept[-1].endswith(("ing", "ed")) and len(kept[-1]) > 2:
            things.append("your " + " ".join(kept[:3]))
    return tuple(dict.fromkeys(things))[:12]


def _given(clause: str, names: tuple[str, ...], whole: str) -> str:
    """The clause as it reads after "given that", or empty when it is not surely a whole statement."""
    words = clause.split()
    if ":" in clause or "(" in clause or "?" in clause or len(words) > 20 or words[0].lower() in ANAPHORIC:
        return ""
    low = [word.lower().strip(",") for word in words]
    if low[0] in ("we", "i"):
        stated = len(words) > 3 and low[1] not in ("need", "want", "would", "think", "must")
    else:
        stated = any(word in FINITE for word in low[1:8])
    if not stated:
        return ""
    shouted = words[0].isupper() and len(words[0]) > 1
    named = shouted or any(name.removeprefix("the ").split()[0] == words[0] for name in names)
    if named or not words[0][:1].isupper():
        return to_owner(clause)
    ordinary = low[0] in OPENERS or re.search(rf"(?<![.!?] )(?<!^)\b{re.escape(low[0])}\b", whole, re.MULTILINE)
    return to_owner(clause[0].lower() + clause[1:] if words[0] != "I" else clause) if ordinary else ""


def _core(sentences: list[str]) -> str:
    """The sentence that asks."""
    for test in (lambda one: one.endswith("?"), lambda one: _DECIDING.search(one) is not None):
        for sentence in sentences:
            if test(sentence):
                return sentence
    return sentences[0] if sentences else ""


_ASKED = re.compile(
    r"^(?:.*?\b(?:whether|if)\s+(?:or not\s+)?(?:to|(?:we|i)\s+should)\s+"
    r"|(?:so,?\s+)?(?:should|shall|do|can|could|would)\s+(?:we|i)\s+|.*?,\s*should\s+(?:we|i)\s+"
    r"|.*?\b(?:deciding|considering|thinking about|thinking of)\s+(?=\w+ing\b)"
    r"|.*?\b(?:must|need to|have to|has to)\s+(?=(?:choose|decide|pick|select)\b)|.*?\bbeen offered\s"
    r"|(?:we|i)\s+(?:need|have|want|plan|would like|are planning)\s+to\s+(?:decide\s+(?:on\s+)?)?)",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)
def act_of(core: str) -> str:
    """What the question asks about, as a verb phrase where one can be found: "hire a senior engineer"."""
    found = _ASKED.match(core)
    if found:
        act = core[found.end() :].strip(" .?!:")
        return f"accept {act}" if found.group().endswith("offered ") else act
    words = core.split()
    # "Should our clinic in Graz accept …": the act begins at the first verb after the subject.
    if words and words[0].lower() in ("should", "shall", "must"):
        for number in range(2, min(9, len(words) - 1)):
            if is_verb(words[number].lower(), words[number + 1].lower()):
                return " ".join(words[number:]).strip(" .?!:")
    return core.strip(" .?!:")


def headline(core: str, most: int = 12) -> str:
    """The decision in at most `most` words, cut where a phrase may end."""
    words = act_of(core).split()
    if len(words) > most:
        words = words[:most]
        while len(words) > 3 and words[-1].lower().strip(",") in SMALL:
            words.pop()
    text = " ".join(words).rstrip(" ,;:–—-(")
    if len(text.split()) < len(act_of(core).split()):
        # Half a list reads like the whole of it: end with a part that is whole, and say that there is more.
        ends = [found.start() for found in re.finditer(r", ", text) if len(text[: found.start()].split()) > 3]
        text = f"{text[: ends[-1]] if ends else text}…"
    return capital(text)[:117] if len(text) >= 3 else "The decision at hand"
