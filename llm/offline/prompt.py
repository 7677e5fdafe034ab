"""The prompt taken apart: the tagged sections that the product's graph sends, as plain data.

User text inside a section is escaped by the sender (`<` becomes `&lt;`), so a tag in it is never a section here.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

_SECTION = re.compile(r"<([a-z_]+)((?:\s+[a-z_]+=\"[^\"]*\")*)\s*(?:/>|>(.*?)</\1>)", re.DOTALL)
_ATTRIBUTE = re.compile(r"([a-z_]+)=\"([^\"]*)\"")
_LINE = re.compile(r"^\s*[-*•]\s+", re.MULTILINE)
_REF = re.compile(r"^[cv]\d+$")
_PEER = re.compile(r"^(?P<name>.+?) \(confidence (?P<confidence>[\d.]+)\) argues for (?P<rest>.+)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Persona:
    slug: str = ""
    name: str = ""
    method: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Voice:
    """What one participant said: in a round, to a peer, or in the vote."""

    name: str
    option: str
    confidence: float
    claim: str
    reasons: tuple[str, ...] = ()
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line of the catalogue."""

    slug: str
    name: str
    method: str
    domains: str


@dataclass(frozen=True, slots=True)
class Brief:
    """All that one prompt says. Missing sections are empty."""

    decision: str = ""
    context: str = ""
    documents: str = ""
    answers: str = ""
    options: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    question: str = ""
    persona: Persona = field(default_factory=Persona)
    catalogue: tuple[Candidate, ...] = ()
    round: int = 1
    rounds: int = 1
    peers: tuple[Voice, ...] = ()
    own: Voice | None = None
    summary: str = ""
    guidance: str = ""
    moderator: str = ""
    intervention: tuple[str, ...] = ()
    interjections: tuple[str, ...] = ()
    contributions: tuple[Voice, ...] = ()
    votes: tuple[Voice, ...] = ()
    memo: str = ""
    tensions: tuple[str, ...] = ()
    rubric: tuple[str, ...] = ()
    answer: str = ""
    #: The day, such as "Friday, 27 November 2026".
    brought: str = ""

    @property
    def story(self) -> str:
        """Everything the owner wrote."""
        return "\n".join(part for part in (self.decision, self.context, self.documents, self.answers) if part)


@lru_cache(maxsize=512)
def read_brief(system: str, prompt: str) -> Brief:
    """The sections of both texts; a prompt without any counts as the decision itself."""
    found: dict[str, list[str]] = {}
    attributes: dict[str, dict[str, str]] = {}
    for text in (system, prompt):
        _collect(text, found, attributes)
    options = _lines(found, "options")
    decision = _text(found, "decision") or _text(found, "problem")
    if not found:
        decision = plain(prompt).strip()
    persona = attributes.get("persona", {})
    number = attributes.get("round", {})
    own = _voices(found, "own", options) or _voices(found, "previous", options) or _voices(found, "mine", options)
    return Brief(
        decision=decision,
        context=_text(found, "context"),
        documents=_text(found, "document"),
        answers="\n".join(line.rpartition(" — ")[2] for line in _lines(found, "answers")),
        options=options,
        constraints=_lines(found, "constraints"),
        criteria=_lines(found, "criteria"),
        question=_text(found, "question"),
        persona=Persona(
            persona.get("slug", ""), persona.get("name", ""), persona.get("method", ""), _text(found, "persona")
        ),
        catalogue=tuple(_candidate(line) for line in _lines(found, "catalogue")),
        round=_whole(number.get("number"), 1),
        rounds=_whole(number.get("of"), 1),
        peers=_voices(found, "peers", options),
        own=own[0] if own else None,
        summary=_text(found, "summary"),
        guidance=_text(found, "guidance"),
        moderator=attributes.get("moderator", {}).get("role", ""),
        intervention=_lines(found, "intervention"),
        interjections=_lines(found, "interjections"),
        contributions=_voices(found, "contributions", options),
        votes=_voices(found, "votes", options),
        memo=_text(found, "memo"),
        tensions=_lines(found, "consistency"),
        rubric=_lines(found, "rubric"),
        answer=_text(found, "answer"),
        brought=_text(found, "brought"),
    )


def _collect(text: str, found: dict[str, list[str]], attributes: dict[str, dict[str, str]]) -> None:
    for match in _SECTION.finditer(text):
        name, listed, inner = match.group(1), match.group(2), match.group(3) or ""
        pairs = _ATTRIBUTE.findall(listed)
        attributes.setdefault(name, {key: plain(value) for key, value in pairs})
        found.setdefault(name, []).append(inner)
        if "<" in inner:
            _collect(inner, found, attributes)


def _text(found: dict[str, list[str]], name: str) -> str:
    return plain("\n".join(found.get(name, []))).strip()


def plain(text: str) -> str:
    """The sender's escapes undone."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


def _lines(found: dict[str, list[str]], name: str) -> tuple[str, ...]:
    """The items of a list section: one a bullet, or one a line where there are no bullets."""
    text = _text(found, name)
    if not text:
        return ()
    parts = _LINE.split(text)[1:] if _LINE.match(text) else text.splitlines()
    return tuple(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))


def _voices(found: dict[str, list[str]], name: str, options: tuple[str, ...]) -> tuple[Voice, ...]:
    return tuple(voice for line in _lines(found, name) if (voice := read_voice(line, options)) is not None)


def read_voice(line: str, options: tuple[str, ...]) -> Voice | None:
    """A line such as "name | option | 0.7 | claim | reasons; …" or "A (confidence 0.7) argues for option: claim; …".

    A reference such as "v3 | " may stand before the name.
    """
    match = _PEER.match(line)
    if match:
        rest = match["rest"]
        option = max((item for item in options if rest.startswith(item)), key=len, default="")
        if option:
            said = rest[len(option) :].lstrip(" :—-")
        else:
            option, _, said = rest.partition(": ")
        claim, *reasons = _split(said)
        return Voice(match["name"], option.strip(), _share(match["confidence"]), claim, tuple(reasons))
    fields = [part.strip() for part in line.split(" | ")]
    ref = fields.pop(0) if _REF.match(fields[0]) else ""
    if len(fields) < 4:
        return None
    name, option, confidence, claim, *rest_fields = fields
    argued = tuple(item for item in _split("; ".join(rest_fields)) if item)
    return Voice(name, option, _share(confidence), claim, argued, ref)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split("; ")]


def _candidate(line: str) -> Candidate:
    fields = [part.strip() for part in line.split("|")] + ["", "", ""]
    return Candidate(fields[0], fields[1] or fields[0], fields[2], fields[3])


def _share(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.5


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdigit() and 0 < int(text) < 1000 else default
