"""Whether the answers to several sub-problems fit together: a check over the votes, before anybody writes a memo."""

from collections.abc import Mapping, Sequence
from typing import Any

from sessions.graph import aggregation


def tensions(parts: Sequence[Mapping[str, Any]], votes: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for every two parts whose answers pull apart, or one that all point the same way; none for a single part.

    ``parts`` are rows of ``board_subproblem``, ``votes`` of ``board_recommendation``. A part that is tied, or that
    nobody voted on, leaves the matter open and is named too.
    """
    if len(parts) < 2:
        return []
    answers = []
    for part in sorted(parts, key=lambda row: row["position"]):
        cast = aggregation.ballots(vote for vote in votes if vote["sub_problem"] == part["position"])
        counted = aggregation.tally(cast)
        answers.append((part["title"], counted.weighted or counted.majority))
    found = [f"“{title}” is undecided between options." for title, option in answers if not option]
    decided = [(title, option) for title, option in answers if option]
    for number, (title, option) in enumerate(decided):
        for other, its in decided[number + 1 :]:
            if its != option:
                found.append(f"“{title}” and “{other}” pull apart: the one speaks for {option}, the other for {its}.")
    if not found:
        found.append(f"All {len(parts)} parts speak for {decided[0][1]}.")
    return found
