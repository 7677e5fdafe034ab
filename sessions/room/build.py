"""Read one session, whatever its size, with a fixed number of queries."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from llm import ledger
from sessions.models import (
    ActionProposal,
    Assessment,
    Contribution,
    Document,
    Event,
    Memo,
    Phase,
    Recommendation,
    Seat,
    Session,
    Status,
)
from sessions.personas import history
from sessions.room.parts import Aside, Moment, Part, Place, Told, anchor, assemble
from sessions.room.progress import Progress, measure
from sessions.room.trouble import Trouble, explain
from sessions.services.control import place_in_line
from sessions.services.rounds import AfterRound, after_rounds
from sessions.wording import money

#: Their content is in rows already; everything else the page learns from events.
_IN_ROWS = ("contribution", "vote", "memo_ready", "actions_ready", "board_selected", "round_assessed")


@dataclass(frozen=True, slots=True)
class Cost:
    summary: ledger.CostSummary
    cap: Decimal | None

    @property
    def words(self) -> str:
        """Known dollars, and how many calls have no known price; ``unknown`` when nothing is known."""
        unknown = self.summary.unknown_calls
        if not unknown:
            return money(self.summary.known)
        calls = "1 call" if unknown == 1 else f"{unknown} calls"
        return f"{money(self.summary.known)} + {calls} of unknown cost" if self.summary.known else "unknown"

    @property
    def percent(self) -> int | None:
        """How much of the cap is used, 0 to 100; None without a cap."""
        return None if not self.cap else min(100, int(100 * self.summary.known / self.cap))


@dataclass(frozen=True, slots=True)
class Action:
    row: ActionProposal
    due: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the debate: ``anchor`` on the session page, and whose words stand there."""

    anchor: str
    name: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the memo and what it rests on; ``linked`` by the board's writer, else by its ``wording``."""

    text: str
    links: list[Link]
    by: str


@dataclass(frozen=True, slots=True)
class Story:
    """What the events tell that no row does."""

    frame: dict[str, Any] = field(default_factory=dict)
    starts: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    asides: dict[tuple[int, int], list[Aside]] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    interrupt_id: str = ""
    part: int = 0
    resumed: int = 0
    reason: str = ""
    #: Where each of several parts is: a phase, ``settled`` or ``broken``.
    stages: dict[int, str] = field(default_factory=dict)
    #: What a moderator said into a round, by (part, round); what the votes on a part add up to; what broke a part.
    interventions: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    standings: dict[int, dict[str, Any]] = field(default_factory=dict)
    broken: dict[int, dict[str, Any]] = field(default_factory=dict)
    review: dict[str, Any] | None = None
    #: Whether a retry went back to an older step, so that there is a branch that was left.
    forked: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """An expert whom the owner wanted, or did not."""

    name: str
    method: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class Room:
    """``sequence`` is the newest event the rows are sure to contain: the live stream continues from there."""

    session: Session
    sequence: int
    progress: Progress
    story: Story
    parts: list[Part]
    memo: Memo | None
    dissent_anchor: str
    statements: dict[str, list[Statement]]
    actions: list[Action]
    cost: Cost
    trouble: Trouble | None
    place: int | None
    contributions: int
    offline: bool
    now: datetime
    documents: list[Document] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    #: Rounds after which the debate can begin anew, while it rests.
    ways_back: list[AfterRound] = field(default_factory=list)

    @property
    def elapsed(self) -> timedelta | None:
        """From the start (or the submission) to the end (or now)."""
        if self.session.status == Status.CREATED:
            return None
        begun = self.session.started_at or self.session.queued_at or self.session.created_at
        return (self.session.finished_at or self.now) - begun

    @property
    def begun(self) -> datetime:
        return self.session.started_at or self.session.queued_at or self.session.created_at

    @property
    def part(self) -> Part | None:
        """The sub-problem in work, or the last one."""
        return next((part for part in self.parts if part.position == self.story.part), None) or (
            self.parts[-1] if self.parts else None
        )

    @property
    def shown_parts(self) -> list[Part]:
        """What the side of the page speaks of: the sub-problem in work, and at the end all of them."""
        if self.session.is_over:
            return self.parts
        begun = [part for part in self.parts if part.rounds]
        return begun if len(begun) > 1 else [self.part] if self.part else []

    @property
    def places(self) -> list[Place]:
        """The seats to show; at the end everybody who sat on any part, once."""
        return list({place.seat.persona: place for part in self.shown_parts for place in part.places}.values())

    @property
    def families(self) -> bool:
        """Whether it means something that seats speak through different providers: not in the offline demo."""
        return not (self.offline or settings.OFFLINE)

    @property
    def has_plot(self) -> bool:
        return any(part.plot for part in self.shown_parts)

    @property
    def failed_calls(self) -> int:
        return self.cost.summary.failed_calls


def build(session: Session) -> Room:
    """Read what ``session`` (freshly loaded) has to show: eleven queries, twelve while it is in line or rests."""
    sequence = session.last_sequence  # before the rows: they may then be newer, never older
    story = _story(session)
    sub_problems = list(session.subproblems.filter(superseded=False))
    seats = list(Seat.objects.filter(session=session, superseded=False))
    contributions = list(Contribution.objects.filter(session=session, superseded=False))
    assessments = list(Assessment.objects.filter(session=session, superseded=False))
    ballots = list(Recommendation.objects.filter(session=session, superseded=False))
    memo = session.memos.filter(superseded=False).last()
    proposals = list(session.actionproposals.filter(superseded=False))
    cost = Cost(ledger.cost_of(session.pk), session.cost_cap)
    positions = {row.position for row in sub_problems} | {row.sub_problem for row in seats}
    moment = Moment(
        story.stages if len(positions) > 1 else {story.part: session.phase},
        session.max_rounds,
        running=session.status == Status.RUNNING,
        over=session.is_over,
    )
    told = Told(story.starts, story.asides, story.interventions, story.standings)
    parts = assemble(sub_problems, seats, contributions, assessments, ballots, told, moment)
    start = memo.created_at if memo else timezone.now()
    return Room(
        session=session,
        sequence=sequence,
        progress=measure(session, parts=max(1, len(parts)), settled=len(story.standings)),
        story=story,
        parts=parts,
        memo=memo,
        dissent_anchor=_source(memo.dissent, contributions, ballots) if memo else "",
        statements=_statements(memo, contributions, ballots) if memo else {},
        actions=[Action(row, start + timedelta(days=row.due_in_days)) for row in proposals],
        cost=cost,
        trouble=explain(session, contributions=len(contributions), spent=cost.words, parts=len(parts))
        if session.status == Status.FAILED
        else None,
        place=place_in_line(session),
        contributions=len(contributions),
        offline=any(row.offline for row in contributions) or bool(memo and memo.offline),
        now=timezone.now(),
        documents=list(Document.objects.filter(session=session).defer("text")),
        wishes=_wishes(session),
        ways_back=after_rounds(session.pk, assessments) if session.status in (Status.FAILED, Status.PAUSED) else [],
    )


def _wishes(session: Session) -> list[Wish]:
    """Without a query where there are none; the names as the session's own catalogue has them."""
    asked = [(slug, True) for slug in session.experts_picked] + [(slug, False) for slug in session.experts_vetoed]
    people = history.at(session.catalogue_revision) if asked else {}
    return [Wish(people[slug].name, people[slug].method, wanted) for slug, wanted in asked if slug in people]


def _story(session: Session) -> Story:
    frame: dict[str, Any] = {}
    starts: dict[tuple[int, int], dict[str, Any]] = {}
    asides: dict[tuple[int, int], list[Aside]] = {}
    questions: list[str] = []
    answers: list[str] = []
    at, resumed, reason, interrupt_id = (0, 0), 0, "", ""
    review: dict[str, Any] | None = None
    forked = False
    stages: dict[int, str] = {}
    opened: dict[int, int] = {}  # the newest round of each part
    interventions: dict[tuple[int, int], dict[str, Any]] = {}
    standings: dict[int, dict[str, Any]] = {}
    broken: dict[int, dict[str, Any]] = {}
    rows = Event.objects.filter(session=session, superseded=False).exclude(type__in=_IN_ROWS).order_by("sequence")
    for sequence, kind, data in rows.values_list("sequence", "type", "data"):
        match kind:
            case "frame_ready":
                frame = data
            case "phase_started" if data.get("sub_problem") is not None:
                stages[data["sub_problem"]] = data["phase"]
                if data["sub_problem"] != at[0]:
                    at = (data["sub_problem"], opened.get(data["sub_problem"], 0))
            case "intervention":
                interventions[data["sub_problem"], data["round"]] = data
            case "part_settled":
                standings[data["sub_problem"]] = data
                stages[data["sub_problem"]] = "settled"
            case "part_broken":
                broken[data["sub_problem"]] = data
                stages[data["sub_problem"]] = "broken"
            case "session_queued":
                stages |= dict.fromkeys(broken, Phase.DEBATING)
                broken = {}
                forked |= "from_checkpoint" in data
            case "round_started":
                at = (data["sub_problem"], data["round"])
                starts[at] = data
                opened[at[0]] = at[1]
            case "contribution_failed":
                where = (data["sub_problem"], data["round"])
                asides.setdefault(where, []).append(Aside("failed", sequence, data["message"], data["name"]))
            case "interjection":
                asides.setdefault(at, []).append(Aside("remark", sequence, data["text"], data.get("author", "")))
            case "session_resumed":
                resumed += 1
                asides.setdefault(at, []).append(Aside("resumed", sequence, data.get("reason", "")))
            case "session_waiting":
                questions, answers = list(data["questions"]), []
                interrupt_id, review = data.get("interrupt_id", ""), data.get("review")
            case "clarification_answered":
                answers = list(data["answers"])
            case "session_paused" | "session_killed":
                reason = data.get("reason", "")
    for part in [part for part, number in asides if number == 0]:  # said before its first round: shown with that
        asides[part, 1] = asides.pop((part, 0)) + asides.get((part, 1), [])
    return Story(
        frame,
        starts,
        asides,
        questions,
        answers,
        interrupt_id,
        at[0],
        resumed,
        reason,
        stages,
        interventions,
        standings,
        broken,
        review,
        forked,
    )


def _statements(
    memo: Memo, contributions: list[Contribution], ballots: list[Recommendation]
) -> dict[str, list[Statement]]:
    """The memo's sentences with their sources, by field (``recommendation``, ``rationale``, ``conditions`` …)."""
    rows: dict[str, Contribution | Recommendation] = {row.key: row for row in contributions}
    rows |= {row.key: row for row in ballots}
    found: dict[str, list[Statement]] = {}
    for source in memo.sources:
        links = [Link(anchor(rows[key]), rows[key].name) for key in source["keys"] if key in rows]
        if links:
            found.setdefault(source["field"], []).append(Statement(source["text"], links, source["by"]))
    return found


def _source(dissent: dict[str, Any], contributions: list[Contribution], ballots: list[Recommendation]) -> str:
    """The anchor of where the dissenter said it: the latest text that holds the quote, else their recommendation."""
    who = str(dissent.get("persona", "")).strip().lower()
    quote = str(dissent.get("quote", "")).strip().strip("“”\"'").rstrip(".…").lower()
    said: list[Contribution | Recommendation] = [*ballots, *reversed(contributions)]
    theirs = [row for row in said if who and who in (row.name.lower(), row.persona.lower())]
    for row in theirs:
        words = row.recommendation if isinstance(row, Recommendation) else f"{row.claim} {row.response}"
        if quote and quote in " ".join([words, *map(str, row.reasons), *map(str, row.conditions)]).lower():
            return anchor(row)
    return anchor(theirs[0]) if theirs else ""
