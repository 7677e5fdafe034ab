"""Speech: fills sentence templates with the owner's own facts and the field's vocabulary.

Slots: {ing} {do} {quoted} the option argued for; {rival} {rival_ing} the one argued against; {money} {fig} {deadline}
{given} {quote} {against} {concede} {name} {thing} {constraint} {criterion} from the owner's text;
{risk} ("the risk of …") {slip} {measure} {party} {cost} {probe} {failure} {habit} {noun} from the topic;
{peer} {peer_claim} {peer_option} from the debate. {quote} and {given} never speak against the option argued for: what
does is {concede}, and what speaks against the rival is {against}. {Ing} and the like begin with a capital. A template
is passed over when a slot has nothing to fill it.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from llm.offline.choices import Choice
from llm.offline.prompt import Brief
from llm.offline.reader import is_hostile, read_story, speaks_against, without_tags
from llm.offline.seeds import Dice
from llm.offline.shaping import shorten
from llm.offline.topics import topic_of
from llm.offline.words import capital, gerund, lower_first, to_owner

_SLOT = re.compile(r"\{([A-Za-z_]+)\}")
LINE = 400


class Speech:
    """One speaker's sentences. Facts are dealt from a shuffled hand and not repeated until the hand is empty."""

    def __init__(self, brief: Brief, dice: Dice, choice: Choice | None = None, rival: Choice | None = None) -> None:
        topic, story = topic_of(brief), read_story(brief.story)
        quotes = [unquote(item) for item in story.quotes if len(item) <= 160]
        criteria = [f"“{unquote(item)}”" for item in (brief.criteria or topic.criteria) if not is_hostile(item)]
        constraints = [unquote(item) for item in brief.constraints if len(item) <= 200 and not is_hostile(item)]
        self._hands: dict[str, list[str]] = {
            "money": list(story.money),
            "fig": [*story.money, *story.percents, *story.counts, *story.durations],
            "deadline": list(story.deadlines),
            "given": list(story.givens),
            "quote": quotes,
            "against": [],
            "concede": [],
            "name": list(story.names),
            "thing": list(story.things),
            "constraint": [f"“{item}”" for item in constraints],
            "criterion": criteria,
            "risk": [f"the risk of {item}" for item in topic.risks],
            "slip": list(topic.risks),
            "measure": list(topic.measures),
            "party": list(topic.parties),
            "cost": list(topic.costs),
            "probe": list(topic.probes),
            "failure": list(topic.failures),
            "habit": list(topic.habits),
        }
        for key, hand in self._hands.items():
            self._hands[key] = dice.shuffled(hand)
        self._own = {key: self._hands[key] for key in ("given", "quote")}
        self._hands["noun"] = [topic.noun]
        self._hands["probe_ing"] = [_gerund_of(item) for item in self._hands["probe"]]
        self._dealt: dict[str, int] = {}
        self._short: dict[str, str] = {}
        # What others have said, and what this speaker said before: none of it is said again.
        told = [*brief.peers, *([brief.own] if brief.own else [])]
        self._heard = {plain_sentence(text) for voice in told for text in (voice.claim, *voice.reasons)}
        self.use(choice, rival)

    def use(self, choice: Choice | None, rival: Choice | None) -> None:
        """Speaks from now on for `choice` and against `rival`."""
        for name, one in (("", choice), ("rival", rival)):
            prefix = f"{name}_" if name else ""
            self._name(f"{prefix}ing", one.ing if one else "", one.short_ing if one else "")
            self._name(f"{prefix}do", one.do if one else "", one.short_do if one else "")
            self._name(name or "quoted", one.quoted if one else "", one.short_quoted if one else "")
        mine = {text for texts in self._own.values() for text in texts if speaks_against(text, choice, rival)}
        for key, texts in self._own.items():
            self._hands[key] = [text for text in texts if text not in mine]
        self._hands["concede"] = [text for text in self._own["quote"] if text in mine]
        self._hands["against"] = [text for text in self._own["quote"] if speaks_against(text, rival, choice)]

    def _name(self, slot: str, full: str, short: str) -> None:
        self._hands[slot] = [full] if full else []
        self._short[slot] = short

    def know(self, **slots: str) -> None:
        """Adds slots of the moment, such as the peer who is answered."""
        for key, value in slots.items():
            self._hands[key] = [value] if value else []

    def can(self, template: str) -> bool:
        """Whether every slot has something to fill it."""
        return all(self._hands.get(slot.lower()) for slot in _SLOT.findall(template))

    def say(self, template: str, *, again: bool = False) -> str | None:
        """The sentence, or None when a slot is empty, the line would be too long, or (unless ``again``) somebody has
        said it."""
        filled: dict[str, str] = {}
        for slot in _SLOT.findall(template):
            value = self._deal(slot)
            if value is None:
                return None
            filled[slot] = value
        text = capital(_SLOT.sub(lambda match: filled[match.group(1)], template))
        if len(text) > LINE - 10 or (not again and plain_sentence(text) in self._heard):
            return None
        for key in {slot.lower() for slot in filled}:
            if key in self._short:
                # Named in full once; from then on briefly, and the sister forms with it.
                family = [key] if key in ("quoted", "rival") else [key.replace("do", "ing"), key.replace("ing", "do")]
                for slot in family:
                    self._hands[slot] = [self._short[slot]]
            elif len(self._hands[key]) > 1:
                self._dealt[key] = self._dealt.get(key, 0) + 1
        return text

    def _deal(self, slot: str) -> str | None:
        key = slot.lower()
        hand = self._hands.get(key, [])
        if not hand:
            return None
        value = hand[self._dealt.get(key, 0) % len(hand)]
        return capital(value) if slot[0].isupper() else value

    def first(self, templates: Sequence[str], start: int = 0) -> str:
        """The first template from `start` on (in a circle) that can be filled."""
        for again in (False, True):
            for step in range(len(templates)):
                said = self.say(templates[(start + step) % len(templates)], again=again)
                if said is not None:
                    return said
        return shorten(capital(_SLOT.sub("the option", templates[start % len(templates)])), LINE)

    def some(self, templates: Sequence[str], count: int, start: int = 0) -> list[str]:
        """Up to `count` different sentences, taken in order from `start`."""
        said: list[str] = []
        for step in range(len(templates)):
            if len(said) == count:
                break
            sentence = self.say(templates[(start + step) % len(templates)])
            if sentence is not None:
                said.append(sentence)
        return said


def unquote(text: str) -> str:
    """The text as it fits between quotation marks: no tags, no double marks, no full stop at its end."""
    inner = re.sub(r"\"([^\"]*)\"", r"‘\1’", without_tags(text)).replace("“", "‘").replace("”", "’").replace('"', "’")
    return inner.strip(" .;,:")


def clause(text: str) -> str:
    """A criterion or condition as it runs on inside a sentence."""
    return to_owner(lower_common(unquote(text)))


def lower_common(text: str) -> str:
    """Lower case for the first letter of "The result …", "Total cost …"; names and acronyms keep theirs."""
    first, _, rest = text.partition(" ")
    if first[1:].islower() and (rest[:1].islower() or not rest):
        return first.lower() + (f" {rest}" if rest else "")
    return lower_first(text)


def claim_part(claim: str, most: int = 170) -> str:
    """A claim as it is quoted by another speaker."""
    return shorten(unquote(claim), most).rstrip(".")


def plain_sentence(text: str) -> str:
    """A sentence as it is compared with another: without its end mark, however its clauses are joined."""
    return " ".join(text.casefold().replace("; ", " – ").split()).strip(" .")


def sentence(text: str) -> str:
    """With a capital and an end mark."""
    # The debate is passed on as lists joined by semicolons, so none may stand inside a sentence.
    text = capital(text.strip()).replace("; ", " – ")
    return text if text.endswith((".", "!", "?", "…", ".”", "?”")) else text + "."


def unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


@lru_cache(maxsize=2048)  # the vocabulary of the topics
def _gerund_of(phrase: str) -> str:
    verb, _, rest = phrase.partition(" ")
    return f"{gerund(verb)} {rest}".strip()
