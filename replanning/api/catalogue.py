"""The codes of plans, beside those of the board: added to, never renamed."""

from sessions.api.catalogue import CATALOGUE, Kind

KINDS: dict[str, Kind] = {
    "dates_reversed": Kind(400, "It is due before it starts", "Move one of the two dates."),
    "unknown_session": Kind(400, "There is no such session", "Name a session that you may read."),
    "unknown_action": Kind(400, "There is no such action", "Name an action of the same project."),
    "unknown_proposal": Kind(400, "There is no such proposal", "Read the session's proposals again."),
    "proposed_twice": Kind(400, "An action was chosen twice", "Name every proposal once."),
    "nothing_accepted": Kind(400, "None of the actions could be accepted", "Correct the rows and send them again."),
    "illegal_action_change": Kind(
        409, "The action is in another state", "Read it again: “moves” says what it can become."
    ),
    "action_closed": Kind(409, "The action is over", "Its dates and progress are history."),
    "held": Kind(409, "The action waits for others", "Finish or cancel what it waits for, or untie it."),
    "cycle": Kind(409, "That would be a circle", "Untie one of the actions that “detail” names."),
    "project_archived": Kind(409, "The project is archived", "Make it active again first."),
    "too_many_actions": Kind(409, "The project is full", "Open another project."),
    "no_plan_yet": Kind(409, "The session has no plan yet", "Wait until it has completed."),
    "not_replannable": Kind(409, "The action cannot be replanned as it is", "Block it first, and say why."),
    "no_offer": Kind(409, "There is no plan on offer", "Read the replan again: its stage says why."),
}


def register() -> None:
    """Have ``/api/problems/`` and problem documents know these codes."""
    for code, kind in KINDS.items():
        CATALOGUE.setdefault(code, kind)
