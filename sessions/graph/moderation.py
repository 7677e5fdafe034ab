"""When a moderator is called, and which one: pure rules over what was measured of the last round.

A moderator has no vote and no option. It speaks once, into the next round, without a name; the owner sees who was
called and why. Each is called once at most in a sub-problem, and no more than two are, since every call costs.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sessions.graph import stopping, words
from sessions.graph.state import Call, ReadingState

#: Their names as the owner reads them.
MODERATORS = {
    "contrarian": "The contrarian",
    "sceptic": "The sceptic",
    "optimist": "The optimist",
    "ethicist": "The ethicist",
}
MOST = 2
#: Share of the board's confidence behind one option in the first two rounds that is too much, too soon.
EARLY_AGREEMENT, EARLY = 0.80, 2
#: Share of the contributions that have left the decision's own words, from which the debate has drifted.
DRIFTED = 0.5

#: Those who bear the consequences of somebody else's decision, as they are called in decisions.
_AFFECTED = frozenset(
    words.content(
        "patients children pupils students elderly residents tenants families parents employees staff workers nurses"
        " teachers borrowers donors volunteers neighbours animals minors refugees"
        " layoff layoffs redundancy redundancies dismissal safety privacy consent harm injury health livelihood jobs"
    )
)


def wanted(
    readings: Sequence[ReadingState],
    *,
    max_rounds: int,
    called: Collection[str],
    unheard: Sequence[str] = (),
    asked: str = "",
    reason: str = "",
) -> Call | None:
    """The moderator that the measures of the newest of ``readings`` call for, before another round; usually none.

    drift                     more than half of the contributions have left the decision: the sceptic
    conflict without novelty  conflict > 0.70 with novelty < 0.40: the optimist
    early agreement           agreement ≥ 0.80 in round 1 or 2: the ethicist while nobody spoke of those it will befall
                              (``unheard``), else the contrarian
    facilitator               ``asked`` by the facilitator, for ``reason``
    """
    now = readings[-1]
    if now["round"] >= max_rounds or len(called) >= MOST:
        return None
    found: list[Call] = []
    if now["drift"] > DRIFTED:
        found.append(_call("sceptic", "drift", f"{now['drift']:.0%} of the contributions have left the decision."))
    if stopping.is_stalled(now):
        found.append(
            _call(
                "optimist",
                "conflict without novelty",
                f"The sides stand against each other ({now['conflict']:.0%}) and little new was said"
                f" ({now['novelty']:.0%}).",
            )
        )
    if now["round"] <= EARLY and now["agreement"] >= EARLY_AGREEMENT:
        why = f"{now['agreement']:.0%} of the board's confidence is behind one option after round {now['round']}"
        if unheard:
            found.append(_call("ethicist", "early agreement", f"{why}, and nobody has spoken of “{unheard[0]}”."))
        found.append(_call("contrarian", "early agreement", f"{why}; that may be too much agreement, too soon."))
    if asked in MODERATORS:
        found.append(_call(asked, "facilitator", reason or "The facilitator wants another voice in the debate."))
    return next((call for call in found if call["moderator"] not in called), None)


def unheard(material: str, said: Sequence[Mapping[str, Any]]) -> list[str]:
    """Words of the material for people whom the decision will befall, when no contribution names any of them."""
    spoken = {stem for item in said for stem in words.content(" ".join([item["claim"], *item["reasons"]]))}
    named: dict[str, str] = {}
    for word in material.split():
        for stem in words.content(word):
            if stem in _AFFECTED and not word.lower().rstrip(".,;:!?").endswith("ing"):  # "a neighbouring house"
                named.setdefault(stem, word.strip(".,;:!?()\"'“”‘’").lower())
    return [] if spoken & set(named) else list(named.values())


def _call(moderator: str, cause: str, reason: str) -> Call:
    return {"moderator": moderator, "cause": cause, "reason": reason}
