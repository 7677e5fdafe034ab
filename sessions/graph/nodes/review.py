"""The owner's look at the frame and the board before the debate, for those who asked for it; a join for all others.

Until the owner has said yes, sub-problems and seats are no rows: they travel in the state, and become rows here.
"""

from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from sessions.graph import drafts
from sessions.graph.nodes import decompose, select
from sessions.graph.ports import Context
from sessions.graph.state import FrameState, PartState, SeatState, State
from sessions.personas.seating import replaced, seated


async def review(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    """Nothing may happen before the interrupt: this node runs again from its start when the owner has answered.

    What the owner may say is checked by ``sessions.services.review`` before it comes here.
    """
    if not state.get("review"):
        return {}
    changes: dict[str, Any] = interrupt({"review": shown(state)})
    reader = runtime.context.reader
    framed, outline = edited(state, changes)
    people = await reader.personas()
    refused = set((await reader.brief()).vetoed)
    boards: list[list[SeatState]] = []
    for old in _kept(state, changes):
        seats: list[SeatState] = state["boards"][str(old)]
        unwanted, picked = _of(changes, "veto", old), _of(changes, "pick", old)
        text = state["outline"][old]["question"]
        known = {seat["persona"]: seat for seat in seats}
        board = [(people[seat["persona"]], seat["reason"]) for seat in seats if seat["persona"] in people]
        board = replaced(board, people, unwanted=unwanted, text=text, vetoed=refused)
        if picked:
            out = (refused | set(unwanted)) - set(picked)
            chosen = [(who.slug, why) for who, why in board]
            board = seated(chosen, people, text=text, wanted=len(board), picked=picked, vetoed=out)
        spare = [seat["provider"] for seat in seats if seat["persona"] not in {who.slug for who, _ in board}]
        boards.append(
            [
                known.get(who.slug)
                or {
                    "persona": who.slug,
                    "name": who.name,
                    "method": who.method,
                    "reason": reason,
                    "version": who.version,
                    "provider": spare.pop(0) if spare else "",
                }
                for who, reason in board
            ]
        )
    rounds = int(changes.get("max_rounds") or state["max_rounds"])
    written = [
        drafts.session(title=framed["title"], max_rounds=rounds),
        drafts.event("frame_ready", "frame:reviewed", **framed, max_rounds=rounds),
        *decompose.announced(outline),
    ]
    for position, board_ in enumerate(boards):
        written += select.announced(position, board_)
    gone = dict.fromkeys([*state["seats"]])
    return {
        "frame": framed,
        "max_rounds": rounds,
        "outline": outline,
        "seats": gone | {str(n): [seat["persona"] for seat in board_] for n, board_ in enumerate(boards)},
        "boards": gone,
        "review": False,
        "outbox": written,
    }


def shown(state: State) -> dict[str, Any]:
    """What the owner is shown: the frame, the rounds, and the sub-problems with their boards."""
    parts = [
        {"position": position, **part, "seats": state["boards"][str(position)]}
        for position, part in enumerate(state["outline"])
    ]
    return {**state["frame"], "max_rounds": state["max_rounds"], "parts": parts}


def edited(state: State, changes: dict[str, Any]) -> tuple[FrameState, list[PartState]]:
    """The frame and the sub-problems as the owner wants them; a dropped one is nobody's dependency any more."""
    framed: FrameState = {**state["frame"]}
    for name in ("question", "options", "criteria"):
        if changes.get(name):
            framed[name] = changes[name]
    kept = _kept(state, changes)
    outline: list[PartState] = []
    for old in kept:
        part = state["outline"][old]
        said = changes.get("parts", {}).get(str(old), {})
        alone = len(state["outline"]) == 1 and not said.get("question")
        outline.append(
            {
                "title": said.get("title") or part["title"],
                "question": framed["question"] if alone else said.get("question") or part["question"],
                "depends_on": [kept.index(needed) for needed in part["depends_on"] if needed in kept],
            }
        )
    return framed, outline


def _kept(state: State, changes: dict[str, Any]) -> list[int]:
    dropped: Sequence[int] = changes.get("drop", [])
    return [position for position in range(len(state["outline"])) if position not in dropped]


def _of(changes: dict[str, Any], name: str, part: int) -> list[str]:
    found: list[str] = changes.get(name, {}).get(str(part), [])
    return found
