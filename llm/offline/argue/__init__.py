"""What the provider argues: one module for each step of a deliberation, found by the name of the step's schema."""

from collections.abc import Callable

from llm.offline.argue.actions import action_plan
from llm.offline.argue.assessment import assessment
from llm.offline.argue.decomposition import decomposition
from llm.offline.argue.frame import frame
from llm.offline.argue.intervention import intervention
from llm.offline.argue.marks import marks
from llm.offline.argue.memo import memo
from llm.offline.argue.position import position
from llm.offline.argue.selection import selection
from llm.offline.argue.vote import vote
from llm.offline.asking import Json
from llm.offline.prompt import Brief

Argument = Callable[[Brief], Json]
ARGUMENTS: dict[str, Argument] = {
    "frame": frame,
    "decomposition": decomposition,
    "selection": selection,
    "position": position,
    "assessment": assessment,
    "intervention": intervention,
    "vote": vote,
    "memo": memo,
    "actionplan": action_plan,
    "marks": marks,
}
