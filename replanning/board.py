"""What a project page shows, read in a fixed number of queries however many actions there are."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from replanning.holding import holds_start
from replanning.models import Action, ActionDependency, Kind, Project, State
from replanning.models.replan import OPEN
from replanning.models.replan import Replan as ReplanRow
from replanning.services.plan import standing
from replanning.states import CLOSED

#: Actions per column of the board, and per page of a list.
PER_COLUMN, PER_PAGE = 30, 100
#: The columns, in the order of work; what is over stands together at the end.
COLUMNS = (State.BLOCKED, State.IN_PROGRESS, State.IN_REVIEW, State.TODO, State.DONE)
OVER = (State.FAILED, State.ABANDONED, State.CANCELLED, State.REPLANNED)


@dataclass(slots=True)
class Card:
    """An action as the board shows it. ``replan``: the open one."""

    action: Action
    ties: list[ActionDependency] = field(default_factory=list)
    replan: ReplanRow | None = None

    @property
    def waits_for(self) -> list[str]:
        """Titles of the predecessors that keep it from starting."""
        return [tie.predecessor.title for tie in self.ties if holds_start(Kind(tie.kind), standing(tie.predecessor))]

    @property
    def late(self) -> int:
        return days_late(self.action)


def days_late(action: Action) -> int:
    """Days since an action that is not over was due; 0 when it is not late."""
    if action.due_on is None or action.status in CLOSED:
        return 0
    return max(0, (timezone.localdate() - action.due_on).days)


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
    ties = ActionDependency.objects.filter(action__in=found).select_related("predecessor").order_by("id")
    for tie in ties.defer("predecessor__what", "predecessor__success", "predecessor__kill"):
        found[tie.action_id].ties.append(tie)
    for replan in ReplanRow.objects.filter(action__in=found, stage__in=OPEN):
        found[replan.action_id].replan = replan
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Counted:
    """Of a project's actions, without those that nobody wants any more. ``blocked``: by hand, not held by others."""

    total: int = 0
    done: int = 0
    blocked: int = 0
    late: int = 0

    @property
    def words(self) -> str:
        return f"{self.done} of {self.total} done" if self.total else "no actions yet"


def progress(projects: Iterable[Project]) -> dict[UUID, Counted]:
    """How far each project is, in one query."""
    ids = [project.pk for project in projects]
    gone = Q(status__in=[State.CANCELLED, State.REPLANNED, State.ABANDONED])
    rows = Action.objects.filter(project__in=ids).order_by().values_list("project_id")
    counted = rows.annotate(
        total=Count("pk", filter=~gone),
        done=Count("pk", filter=Q(status=State.DONE)),
        blocked=Count("pk", filter=Q(status=State.BLOCKED, held=False)),
        late=Count("pk", filter=Q(due_on__lt=timezone.localdate()) & ~Q(status__in=CLOSED)),
    )
    return dict.fromkeys(ids, Counted()) | {pk: Counted(*counts) for pk, *counts in counted}
