"""Votes added up: plain majority beside weight of confidence, and who changed their mind. Pure.

The order of ballots never matters. Nothing is discarded: a flip keeps the first answer beside the last.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ballot:
    """``confidence`` from 0 to 1. ``option`` must be canonical (sessions/graph/options.py)."""

    persona: str
    name: str
    option: str
    confidence: float
    sub_problem: int = 0


@dataclass(frozen=True, slots=True)
class Support:
    """What an option has behind it: votes, their share, and the share of all confidence."""

    option: str
    votes: int
    share: float
    weighted: float
    supporters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """``options`` with the strongest first. ``majority`` and ``weighted`` are "" where there is a tie (or no vote)."""

    options: tuple[Support, ...]
    majority: str
    weighted: str
    voters: int

    @property
    def leader(self) -> str:
        """The option to treat as the board's: by confidence, else by heads, else the first of those that tie."""
        return self.weighted or self.majority or (self.options[0].option if self.options else "")

    @property
    def unanimous(self) -> bool:
        return len(self.options) == 1


@dataclass(frozen=True, slots=True)
class Flip:
    """Somebody whose vote is not what they argued for before hearing the others."""

    persona: str
    name: str
    sub_problem: int
    before: str
    after: str
    confidence_before: float
    confidence_after: float


def tally(ballots: Iterable[Ballot]) -> Tally:
    """Over several sub-problems, each counts alike in the weighted share, however many voted on it."""
    cast = list(ballots)
    by_option: defaultdict[str, list[Ballot]] = defaultdict(list)
    for ballot in cast:
        by_option[ballot.option].append(ballot)
    weights = _weights(cast)
    options = [
        Support(
            option=option,
            votes=len(group),
            share=round(len(group) / len(cast), 6),
            weighted=round(weights[option], 6),
            supporters=tuple(sorted({ballot.name for ballot in group})),
        )
        for option, group in by_option.items()
    ]
    options.sort(key=lambda item: (-item.weighted, -item.votes, item.option))
    return Tally(
        options=tuple(options),
        majority=_single([(item.votes, item.option) for item in options]),
        weighted=_single([(item.weighted, item.option) for item in options]),
        voters=len(cast),
    )


def flips(first: Iterable[Mapping[str, Any]], ballots: Sequence[Ballot]) -> list[Flip]:
    """``first`` holds the rows of the independent first round. Who did not speak in it cannot have flipped."""
    before = {(item["sub_problem"], item["persona"]): item for item in first if item["round"] == 1}
    found = []
    for ballot in sorted(ballots, key=lambda item: (item.sub_problem, item.persona)):
        said = before.get((ballot.sub_problem, ballot.persona))
        if said is not None and said["option"] != ballot.option:
            found.append(
                Flip(
                    ballot.persona,
                    ballot.name,
                    ballot.sub_problem,
                    said["option"],
                    ballot.option,
                    float(said["confidence"]),
                    ballot.confidence,
                )
            )
    return found


def standing(first: Iterable[Mapping[str, Any]], votes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the votes on a sub-problem add up to, as plain JSON.

    ``majority`` and ``weighted`` ("" where there is a tie), ``options`` (option, votes, share, weighted, supporters)
    and ``flips`` (who argued for what before hearing others).
    """
    cast = ballots(votes)
    counted = tally(cast)
    return {
        "majority": counted.majority,
        "weighted": counted.weighted,
        "options": [{**asdict(option), "supporters": list(option.supporters)} for option in counted.options],
        "flips": [
            {name: value for name, value in asdict(flip).items() if name != "sub_problem"}
            for flip in flips(first, cast)
        ],
    }


def ballots(rows: Iterable[Mapping[str, Any]]) -> list[Ballot]:
    """From rows of ``board_recommendation``."""
    return [
        Ballot(row["persona"], row["name"], row["option"], float(row["confidence"]), row["sub_problem"]) for row in rows
    ]


def _weights(cast: Sequence[Ballot]) -> dict[str, float]:
    """Share of confidence by option: summed exactly per sub-problem, then the mean over sub-problems."""
    parts: defaultdict[int, list[Ballot]] = defaultdict(list)
    for ballot in cast:
        parts[ballot.sub_problem].append(ballot)
    weights: defaultdict[str, float] = defaultdict(float)
    for group in parts.values():
        total = sum(sorted(ballot.confidence for ballot in group))
        for ballot in sorted(group, key=lambda item: (item.option, item.confidence)):
            weight = ballot.confidence / total if total else 1 / len(group)
            weights[ballot.option] += weight / len(parts)
    return weights


def _single(scored: Sequence[tuple[float, str]]) -> str:
    best = max((score for score, _ in scored), default=0.0)
    leaders = [option for score, option in scored if abs(score - best) < 1e-6]
    return leaders[0] if len(leaders) == 1 else ""
