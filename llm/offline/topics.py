"""Topics: what a decision is about, and the words people of that field use (data: topics/*.toml)."""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from llm.offline.prompt import Brief


@dataclass(frozen=True, slots=True)
class Topic:
    """A field's vocabulary. Phrases fit these slots: `noun` "the hire"; `risks` after "the risk of"; `measures`,
    `parties`, `costs` as noun phrases; `probes`, `bold` as verb phrases; `failures` as past clauses; `habits` as
    present-tense clauses; `parts` as (title, question)."""

    name: str
    words: re.Pattern[str]
    noun: str
    risks: tuple[str, ...]
    measures: tuple[str, ...]
    parties: tuple[str, ...]
    costs: tuple[str, ...]
    probes: tuple[str, ...]
    bold: tuple[str, ...]
    failures: tuple[str, ...]
    habits: tuple[str, ...]
    criteria: tuple[str, ...]
    parts: tuple[tuple[str, str], ...]
    asks: tuple[str, ...]
    owners: tuple[str, ...]
    domains: tuple[str, ...]


def _load() -> dict[str, Topic]:
    topics: dict[str, Topic] = {}
    for path in sorted((Path(__file__).parent / "topics").glob("*.toml")):
        row: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        pattern = re.compile(r"\b(?:" + "|".join(row.pop("words")) + r")\b", re.IGNORECASE)
        noun = row.pop("noun")
        parts = tuple((part["title"], part["question"]) for part in row.pop("parts"))
        lists = {key: tuple(values) for key, values in row.items()}
        topics[path.stem] = Topic(path.stem, pattern, noun, parts=parts, **lists)
    return topics


TOPICS = _load()
GENERAL = TOPICS["general"]
# Hits from which a field is recognised: in more than a few sentences one word is no evidence ("prices" on a farm).
ENOUGH, ENOUGH_WHEN_SHORT = 5, 2
FEW_WORDS = 40
# Characters of the context that are looked at: enough to tell the field.
CONTEXT = 6_000


def topic_of(brief: Brief) -> Topic:
    """The topic of whose words the decision uses most different ones, however often each: a problem that says "lease"
    five times is not five times about moving. The decision counts three times, the options twice."""
    return _topic(brief.decision, " ".join(brief.options), brief.context[:CONTEXT])


@lru_cache(maxsize=512)
def _topic(decision: str, options: str, context: str) -> Topic:
    best, most = GENERAL, (ENOUGH if len(decision.split()) > FEW_WORDS else ENOUGH_WHEN_SHORT) - 1
    for topic in TOPICS.values():
        hits = 3 * _different(topic, decision) + 2 * _different(topic, options) + min(6, _different(topic, context))
        if hits > most:
            best, most = topic, hits
    return best


def _different(topic: Topic, text: str) -> int:
    return len({found.lower().rstrip("s") for found in topic.words.findall(text)})
