"""Voices added up by plain majority. Pure; who speaks first matters only where everything else is equal."""

from collections.abc import Iterable

from sessions.evaluation.answer import Ballot


def majority(ballots: Iterable[Ballot]) -> str:
    """What most voices said. Of those that tie the one with more confidence in all wins, then the one said first.

    A voice that cannot be read ("") has no vote; "" when nobody has one.
    """
    counts: dict[str, tuple[int, float]] = {}
    for ballot in ballots:
        if ballot.said:
            votes, trust = counts.get(ballot.said, (0, 0.0))
            counts[ballot.said] = votes + 1, trust + (ballot.confidence or 0.0)
    return max(counts, key=lambda said: counts[said], default="")


def plurality(said: Iterable[str]) -> str:
    """What more voices said than anything else; "" for a tie, or when nobody can be read."""
    counts: dict[str, int] = {}
    for word in said:
        if word:
            counts[word] = counts.get(word, 0) + 1
    best = max(counts.values(), default=0)
    leaders = [word for word, count in counts.items() if count == best]
    return leaders[0] if len(leaders) == 1 else ""
