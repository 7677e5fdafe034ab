"""``python -m tests.bench.prompts``: how large prompts are, round by round, for 3 and 6 rounds × 3 and 5 experts.

The worst case: every answer fills its schema to the brim, and the board never agrees, so that no rule stops it early.
Tokens are counted as the offline provider does (four characters make one). ``transcript`` is what a persona's prompt
would be if it held the whole debate instead of a summary and the last round.
"""

import asyncio
import os
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

#: A persona's prompt may grow by so much from the second round, which is the first with peers, to the last.
GROWTH = 1.05
PROBLEM = "Should we move the support team of fourteen from Leeds to Lisbon by May, or keep it and hire four? " * 4
BOARD = ["pre-mortem", "cost-benefit", "stakeholders", "red-team", "base-rates"]


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens of one round: the largest prompt of a persona, the facilitator's, all of them; and with a transcript."""

    round: int
    persona: int
    facilitator: int
    total: int
    transcript: int


def wordy(experts: int, rounds: int) -> list[Row]:
    """Deliberate in the worst case; return what its prompts came to, round by round."""
    from llm.offline.tokens import count
    from sessions.graph.ports import Brief
    from sessions.graph.schemas import Assessment, Position
    from tests.graph.room import OPTIONS, Deliberation, Room, Voice

    class Wordy(Voice):
        def _position(self, request: Any) -> Position:
            number = request.prompt.split('<round number="')[1].split('"')[0]
            who = f"{request.persona} in round {number} on Leeds and Lisbon "
            return Position(
                option=OPTIONS[(BOARD.index(request.persona) + int(number)) % 2],
                claim=_full(f"claim of {who}", 400),
                reasons=[_full(f"reason {n} of {who}", 400) for n in range(5)],
                conditions=[_full(f"condition {n} of {who}", 400) for n in range(4)],
                response=_full(f"response of {who}", 1200),
                confidence=0.4 + 0.2 * (int(number) % 2),
            )

        def _assessment(self, request: Any) -> Assessment:
            found = super()._assessment(request)
            return found.model_copy(update={"summary": _full("summary ", 4000), "guidance": _full("guidance ", 600)})

    room = Room()
    room.said = Brief(room.session_id, PROBLEM, PROBLEM, list(OPTIONS), ["No layoffs"], rounds)
    deliberation = Deliberation(Wordy(complexity=10, parts=1, board=BOARD[:experts]), room)
    asyncio.run(deliberation.drive())
    sizes: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for request in deliberation.voice.requests:
        if request.node in ("persona", "assess"):
            number = int(request.prompt.split('<round number="')[1].split('"')[0])
            sizes[number][request.node].append(count(request.system + request.prompt))
    said = [
        count(str([row[name] for name in ("claim", "reasons", "conditions")])) for row in room.table("contribution")
    ]
    first = max(sizes[1]["persona"])
    return [
        Row(
            number,
            max(found["persona"]),
            max(found["assess"]),
            sum(found["persona"] + found["assess"]),
            first + max(said) * experts * (number - 1),
        )
        for number, found in sorted(sizes.items())
    ]


def _full(text: str, most: int) -> str:
    return (text * (most // len(text) + 1))[:most].strip()


def main() -> None:
    import django

    django.setup()
    for experts in (3, 5):
        for rounds in (3, 6):
            rows = wordy(experts, rounds)
            print(f"{experts} experts, {rounds} rounds")
            print("  round  persona  facilitator   all prompts  with a transcript")
            for row in rows:
                print(
                    f"  {row.round:5}  {row.persona:7,}  {row.facilitator:11,}  {row.total:12,}  {row.transcript:17,}"
                )
            print(f"  growth from round 2 to {rounds}: {rows[-1].persona / rows[1].persona:.3f} (at most {GROWTH})")


if __name__ == "__main__":
    os.environ.setdefault("SECRET_KEY", "only-for-benchmarks-" + "x" * 50)
    os.environ.setdefault("DATABASE_URL", "postgresql://nobody@localhost/none")  # nothing is stored
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
    main()
