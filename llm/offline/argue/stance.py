"""A stance: which option a persona stands for, by its way of reasoning and by what it has heard."""

from dataclasses import dataclass
from functools import lru_cache

from llm.offline.choices import Choice, choices_for
from llm.offline.lenses import PLAIN, Lens, lens_of
from llm.offline.prompt import Brief, Voice
from llm.offline.seeds import Dice, digest
from llm.offline.words import to_owner

# How much of a preference is temperament: enough that two boards differ, too little to drown the method.
CHANCE = 0.5
# What the way of reasoning is worth, from its worst option to its best.
METHOD = 0.55
# What the place of an option in the list is worth to a way of reasoning.
SPREAD = 0.22
# From this stubbornness on, a way of reasoning is there to attack.
ATTACKER = 0.8
# What one round of hearing the others' case is worth, at full agreement among them.
PULL = 0.6
# What the owner's own word, thrown in during the debate, is worth.
OWNERS_WORD = 0.35


@dataclass(frozen=True, slots=True)
class Stance:
    """`first` was preferred before anything was heard, `now` is preferred; `margin` to the runner-up, `rival`.
    `fits` is false when the persona argues for what its own way of reasoning does not favour."""

    lens: Lens
    first: Choice
    now: Choice
    rival: Choice
    margin: float
    support: float
    fits: bool

    @property
    def changed(self) -> bool:
        return self.first.text != self.now.text


def persona_seed(brief: Brief) -> str:
    """The same for a persona in every round of one sub-problem."""
    return digest(brief.persona.slug, brief.persona.name, brief.decision, brief.question)


def lens_for(brief: Brief) -> Lens:
    persona = brief.persona
    return lens_of(f"{persona.method} {persona.slug}", f"{persona.name} {persona.text}")


def voices_heard(brief: Brief) -> tuple[Voice, ...]:
    return brief.peers or brief.contributions


def same_option(said: str, choice: Choice) -> bool:
    one, other = said.strip(' .“”"').lower(), choice.text.strip(' .“”"').lower()
    return one == other or (len(one) > 12 and (one.startswith(other) or other.startswith(one)))


def support_for(choice: Choice, voices: tuple[Voice, ...]) -> float:
    """The share of the speakers, weighted by their confidence, who argue for the option."""
    total = sum(voice.confidence + 0.1 for voice in voices)
    mine = sum(voice.confidence + 0.1 for voice in voices if same_option(voice.option, choice))
    return mine / total if total else 0.0


@lru_cache(maxsize=4096)
def stance_of(brief: Brief) -> Stance:
    """The persona's stance in this round (the vote counts as the round after the last)."""
    lens, choices = lens_for(brief), choices_for(brief)
    dice = Dice("stance", persona_seed(brief))
    base: dict[str, float] = {}
    fits: dict[str, float] = {}
    for choice in choices:
        scores = choice.scores()
        fit = sum(weight * scores.get(scale, 0.0) for scale, weight in lens.weights.items())
        fits[choice.text] = fit
    low, high = min(fits.values()), max(fits.values())
    favourite = _best(choices, {one.text: _plain_worth(one) for one in choices})
    for number, choice in enumerate(choices):
        taste = METHOD * (fits[choice.text] - low) / ((high - low) or 1.0)
        # Whose task it is to attack does not join the obvious favourite unheard.
        duty = -METHOD if lens.stubborn >= ATTACKER and choice is favourite else 0.0
        base[choice.text] = taste + duty + dice.between(0.0, CHANCE) + _owners_word(choice, brief)
        # Neighbouring ways of reasoning start from different ends of the list, so that a board begins apart.
        base[choice.text] += SPREAD if number == lens.number % len(choices) else 0.0
    first = _best(choices, base)
    if brief.own:
        first = next((choice for choice in choices if same_option(brief.own.option, choice)), first)
        base[first.text] += 0.15
    voices = voices_heard(brief)
    heard = min(2.0, max(1, brief.round - 1) * 0.7) if voices else 0.0
    pull = PULL * heard * (1.0 - lens.stubborn)
    total = {choice.text: base[choice.text] + pull * support_for(choice, voices) for choice in choices}
    now = _best(choices, total)
    rest = [choice for choice in choices if choice.text != now.text] or [now]
    rival = first if first.text != now.text else _strongest_rival(rest, total, voices)
    runner = max((total[choice.text] for choice in rest), default=0.0)
    return Stance(
        lens,
        first,
        now,
        rival,
        max(0.0, total[now.text] - runner),
        support_for(now, voices),
        lens.stubborn >= ATTACKER or _fits(now, fits),
    )


def _plain_worth(choice: Choice) -> float:
    """How good the option looks at first sight, without any method."""
    scores = choice.scores()
    return sum(weight * scores.get(scale, 0.0) for scale, weight in PLAIN.weights.items())


def _fits(choice: Choice, fits: dict[str, float]) -> bool:
    """Whether the option is near the best that the way of reasoning finds on the table."""
    best = max(fits.values())
    return fits[choice.text] >= best - max(0.12, 0.4 * (best - min(fits.values())))


def _best(choices: list[Choice], values: dict[str, float]) -> Choice:
    return max(choices, key=lambda choice: values[choice.text])


def _strongest_rival(rest: list[Choice], values: dict[str, float], voices: tuple[Voice, ...]) -> Choice:
    """What the others stand for most, else what the persona itself liked second best."""
    return max(rest, key=lambda choice: (support_for(choice, voices), values[choice.text]))


def _owners_word(choice: Choice, brief: Brief) -> float:
    """The owner's interjections count for the option whose words they share."""
    if not brief.interjections:
        return 0.0
    said = set(to_owner(" ".join(brief.interjections)).lower().split())
    words = {word for word in choice.quoted.strip("“”").lower().split() if len(word) > 3}
    shared = len(said & words)
    return OWNERS_WORD * min(1.0, shared / max(2, len(words) // 2)) if shared else 0.0


def confidence_of(stance: Stance, brief: Brief, seed: str) -> float:
    """Between 0.4 and 0.93: the margin, what the others think, and a little temperament."""
    dice = Dice("confidence", seed)
    heard = 0.16 * (stance.support - 0.4) if voices_heard(brief) else 0.0
    value = 0.5 + min(0.2, stance.margin * 0.45) + heard + dice.between(-0.05, 0.09) + 0.02 * min(brief.round, 5)
    return round(min(0.93, max(0.4, value - (0.06 if stance.changed else 0.0))), 2)
