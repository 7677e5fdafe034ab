"""What can be measured of a round without asking anybody: agreement, convergence, novelty, conflict, shift, drift.

All are shares from 0 to 1 and pure functions of the rows of ``board_contribution`` (plain dicts). With weights
``w`` = confidence (at least 0.05, so that a doubter still counts):

agreement    weight of the leading option / weight of all
closeness    mean cosine of content words over all pairs of contributions (claim and reasons), divided by 0.3, at most 1
             (two texts by different people about one subject rarely exceed 0.3)
convergence  0.85 · agreement + 0.15 · closeness
conflict     chance that two different participants, drawn by weight, argue for different options
novelty      share of the round's distinct content words that no earlier round contained (1 in the first round)
shift        share of those who spoke in both rounds and changed their option, or their confidence by 0.1 or more
drift        share of the contributions less than a tenth of whose content words occur in the decision's own material

Claims and reasons come from the answers' structured fields, so what is compared is what was claimed, not how it was
wrapped.

The facilitator is asked for convergence, novelty and conflict too; a reading is the mean of the two. Neither is enough:
the words miss meaning, and a model asked to judge its own debate is generous.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from sessions.graph import words
from sessions.graph.state import ReadingState

Contribution = Mapping[str, Any]

_LEAST_WEIGHT = 0.05
_CLOSE = 0.3
_MOVED = 0.1
_ON_THE_MATTER = 0.1


def agreement(said: Sequence[Contribution]) -> float:
    weights: defaultdict[str, float] = defaultdict(float)
    for item in said:
        weights[item["option"]] += _weight(item)
    return max(weights.values()) / sum(weights.values()) if weights else 0.0


def closeness(said: Sequence[Contribution]) -> float:
    pairs = list(combinations((_text(item) for item in said), 2))
    if not pairs:
        return 1.0 if said else 0.0
    return min(1.0, sum(words.closeness(one, other) for one, other in pairs) / len(pairs) / _CLOSE)


def convergence(said: Sequence[Contribution]) -> float:
    return 0.85 * agreement(said) + 0.15 * closeness(said)


def conflict(said: Sequence[Contribution]) -> float:
    apart = total = 0.0
    for one, other in combinations(said, 2):
        weight = _weight(one) * _weight(other)
        total += weight
        apart += weight if one["option"] != other["option"] else 0.0
    return apart / total if total else 0.0


def novelty(said: Sequence[Contribution], before: Sequence[Contribution]) -> float:
    if not before:
        return 1.0
    known = {stem for item in before for stem in words.content(_text(item))}
    now = {stem for item in said for stem in words.content(_text(item))}
    return len(now - known) / len(now) if now else 0.0


def shift(said: Sequence[Contribution], previous: Sequence[Contribution]) -> float:
    """1 when there is nothing to compare with: nobody can be said to stand still."""
    earlier = {item["persona"]: item for item in previous}
    both = [(item, earlier[item["persona"]]) for item in said if item["persona"] in earlier]
    if not both:
        return 1.0
    moved = sum(
        now["option"] != then["option"] or abs(now["confidence"] - then["confidence"]) >= _MOVED - 1e-9
        for now, then in both
    )
    return int(moved) / len(both)


def drift(said: Sequence[Contribution], material: str) -> float:
    about = set(words.content(material))
    if not said or not about:
        return 0.0
    left = 0
    for item in said:
        stems = set(words.content(_text(item)))
        left += bool(stems) and len(stems & about) / len(stems) < _ON_THE_MATTER
    return left / len(said)


def reading(
    round_: int,
    said: Sequence[Contribution],
    before: Sequence[Contribution],
    *,
    seats: int,
    asked: tuple[float, float, float],
    material: str = "",
) -> ReadingState:
    """A round read both ways. ``before`` is everything said in earlier rounds; ``asked`` is the facilitator's
    convergence, novelty and conflict; ``material`` the decision's own words."""
    previous = [item for item in before if item["round"] == round_ - 1]
    return {
        "round": round_,
        "convergence": _mean(convergence(said), asked[0]),
        "novelty": _mean(novelty(said, before), asked[1]),
        "conflict": _mean(conflict(said), asked[2]),
        "agreement": round(agreement(said), 4),
        "shift": round(shift(said, previous), 4),
        "participation": round(min(1.0, len(said) / seats), 4) if seats else 0.0,
        "drift": round(drift(said, material), 4),
    }


def _mean(one: float, other: float) -> float:
    return round((one + other) / 2, 4)


def _weight(item: Contribution) -> float:
    return max(_LEAST_WEIGHT, float(item["confidence"]))


def _text(item: Contribution) -> str:
    return " ".join([item["claim"], *item["reasons"]])
