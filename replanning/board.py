"""What a project page shows, read in a fixed number of queries however many actions there are."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber

from replanning.models import Action, ActionDependency, Project, State
from replanning.models.replan import OPEN
from replanning.models.replan import Replan as ReplanRow

#: Actions per column of the board, and per page of a list.
PER_COLUMN, PER_PAGE = 30, 100
#: The columns, in the order of work; what is over stands together at the end.
COLUMNS = (State.BLOCKED, State.IN_PROGRESS, State.IN_REVIEW, State.TODO, State.DONE)
OVER = (State.FAILED, State.ABANDONED, State.CANCELLED, State.REPLANNED)


@dataclass(slots=True)
class Card:
    """An action as the board shows it. ``waits_for``: titles of its predecessors; ``replan``: the open one."""

    action: Action
    waits_for: list[str] = field(default_factory=list)
    replan: ReplanRow | None = None


@dataclass(slots=True)
class Column:
    state: State
    count: int
    cards: list[Card]

    @property
    def more(self) -> int:
        return self.count - len(self.cards)


def columns(project: Project) -> list[Column]:
    """The first actions of every state and how many there are: four queries."""
    counts = dict(project.actions.order_by().values_list("status").annotate(count=Count("pk")))
    place = Window(RowNumber(), partition_by=F("status"), order_by=[F("position").asc(), F("pk").asc()])
    rows = project.actions.defer("what", "success", "kill").annotate(place=place).filter(place__lte=PER_COLUMN)
    by_state: dict[str, list[Card]] = defaultdict(list)
    for card in cards(rows.order_by("position", "pk")):
        by_state[card.action.status].append(card)
    shown = [*COLUMNS, *(state for state in OVER if counts.get(state))]
    return [Column(state, counts.get(state, 0), by_state[state]) for state in shown]


def cards(rows: Iterable[Action]) -> list[Card]:
    """``rows`` with what they wait for and their open replans: three queries."""
    found = {action.pk: Card(action) for action in rows}
    ties = ActionDependency.objects.filter(action__in=found).order_by("id")
    for action_id, title in ties.values_list("action_id", "predecessor__title"):
        found[action_id].waits_for.append(title)
    for replan in ReplanRow.objects.filter(action__in=found, stage__in=OPEN):
        found[replan.action_id].replan = replan
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Counted:
    total: int
    done: int

    @property
    def words(self) -> str:
        return f"{self.done} of {self.total} done" if self.total else "no actions yet"


def progress(projects: Iterable[Project]) -> dict[UUID, Counted]:
    """How far each project is, in one query."""
    ids = [project.pk for project in projects]
    found: dict[UUID, dict[str, int]] = defaultdict(dict)
    rows = Action.objects.filter(project__in=ids).order_by().values_list("project_id", "status")
    for project_id, status, count in rows.annotate(count=Count("pk")):
        found[project_id][status] = count
    gone = (State.CANCELLED, State.REPLANNED, State.ABANDONED)
    return {
        pk: Counted(sum(n for state, n in found[pk].items() if state not in gone), found[pk].get(State.DONE, 0))
        for pk in ids
    }
