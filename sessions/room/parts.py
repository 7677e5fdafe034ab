"""The sub-problems of a session with their board, their rounds and where everyone stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sessions.models import Assessment, Contribution, Recommendation, Seat, SubProblem
from sessions.room.plot import Plot, draw

#: The style sheet has this many colours for personas; a face is told apart by its initials, not by colour alone.
HUES = 6
#: Characters of reasons, conditions and response from which a contribution folds.
FOLD_AT = 520


@dataclass(frozen=True, slots=True)
class Face:
    persona: str
    name: str
    initials: str
    hue: int


@dataclass(frozen=True, slots=True)
class Place:
    """A seat on the board, and what its persona is doing: ``state`` is ``speaking``, ``done``, ``failed`` or ````."""

    seat: Seat
    face: Face
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Card:
    """A contribution; a ``folded`` one opens on a press.

    ``moved_from`` is the option that its persona argued for the last time, when it is another one now.
    """

    row: Contribution
    face: Face
    folded: bool
    moved_from: str = ""


@dataclass(frozen=True, slots=True)
class Aside:
    """Something that happened between contributions: ``kind`` is ``failed``, ``remark`` or ``resumed``."""

    kind: str
    sequence: int
    text: str
    who: str = ""


@dataclass(slots=True)
class Round:
    number: int
    of: int
    guidance: str = ""
    cards: list[Card] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    assessment: Assessment | None = None
    intervention: dict[str, Any] | None = None
    pending: list[Face] = field(default_factory=list)
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Voice:
    """What a persona said last; ``anchor`` is its place on the session page."""

    face: Face
    confidence: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Stand:
    """An option and who argues for it now."""

    option: str
    voices: list["Voice"]


@dataclass(frozen=True, slots=True)
class Ballot:
    row: Recommendation
    face: Face


@dataclass(frozen=True, slots=True)
class Part:
    position: int
    title: str
    question: str
    places: list[Place]
    rounds: list[Round]
    ballots: list[Ballot]
    stands: list[Stand]
    plot: Plot | None
    open_questions: list[str]
    stage: str = ""
    standing: dict[str, Any] | None = None

    @property
    def open(self) -> bool:
        """Whether it is being worked on, or waits to be."""
        return self.stage in ("debating", "voting", "broken")


@dataclass(frozen=True, slots=True)
class Moment:
    """What the board is doing right now: the stage of each part, and whether anybody is being asked at this moment."""

    stages: dict[int, str] = field(default_factory=dict)
    max_rounds: int = 0
    running: bool = False
    over: bool = False

    def speaking(self, part: int) -> bool:
        return self.running and self.stages.get(part) == "debating"

    def voting(self, part: int) -> bool:
        return self.running and self.stages.get(part) == "voting"


@dataclass(frozen=True, slots=True)
class Told:
    """What the events tell of parts and rounds, by (part, round) or by part.

    The data of ``round_started``, what happened between contributions, moderators' words, what the votes add up to.
    """

    starts: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    asides: dict[tuple[int, int], list[Aside]] = field(default_factory=dict)
    interventions: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    standings: dict[int, dict[str, Any]] = field(default_factory=dict)


def initials(name: str) -> str:
    """Two letters for a name; a leading article does not count."""
    parts = [word for word in name.replace("-", " ").split() if word.lower() not in ("the", "a", "an", "of")]
    letters = "".join(word[0] for word in parts[:2]) if len(parts) > 1 else "".join(parts)[:2]
    return letters.upper() or "?"


def faces_of(people: Iterable[tuple[str, str]]) -> dict[str, Face]:
    """A face for every (persona, name), in order of first appearance."""
    found: dict[str, Face] = {}
    for persona, name in people:
        if persona not in found:
            found[persona] = Face(persona, name, initials(name), len(found) % HUES + 1)
    return found


def assemble(
    sub_problems: Sequence[SubProblem],
    seats: Sequence[Seat],
    contributions: Sequence[Contribution],
    assessments: Sequence[Assessment],
    ballots: Sequence[Recommendation],
    told: Told,
    now: Moment,
) -> list[Part]:
    """Sort the rows into parts."""
    people: list[Seat | Contribution | Recommendation] = [*seats, *contributions, *ballots]
    faces = faces_of((row.persona, row.name) for row in people)
    named = {row.position: row for row in sub_problems}
    positions = sorted({*named, *(row.sub_problem for row in people), *(key[0] for key in told.starts)})
    parts = []
    for position in positions:
        about = named.get(position)
        here = [row for row in contributions if row.sub_problem == position]
        votes = [row for row in ballots if row.sub_problem == position]
        read = [row for row in assessments if row.sub_problem == position]
        table = [row for row in seats if row.sub_problem == position]
        rounds = _rounds(position, here, read, told, faces, now)
        if now.speaking(position) and rounds:
            _mark_pending(rounds[-1], table, faces)
        parts.append(
            Part(
                position=position,
                title=about.title if about else "The decision",
                question=about.question if about else "",
                places=[_place(seat, faces[seat.persona], rounds, votes, now) for seat in table],
                rounds=rounds,
                ballots=[Ballot(row, faces[row.persona]) for row in votes],
                stands=_stands(here, votes, faces),
                plot=draw(read, 0 if votes or now.over else now.max_rounds),
                open_questions=list(read[-1].open_questions) if read and not votes else [],
                stage=now.stages.get(position, ""),
                standing=told.standings.get(position),
            )
        )
    return parts


def _rounds(
    position: int,
    contributions: Sequence[Contribution],
    assessments: Sequence[Assessment],
    told: Told,
    faces: dict[str, Face],
    now: Moment,
) -> list[Round]:
    numbers = sorted({row.round for row in contributions} | {key[1] for key in told.starts if key[0] == position})
    rounds: dict[int, Round] = {}
    for number in numbers:
        start = told.starts.get((position, number), {})
        rounds[number] = Round(
            number,
            max(int(start.get("of") or now.max_rounds), number),
            str(start.get("guidance") or ""),
            asides=told.asides.get((position, number), []),
            intervention=told.interventions.get((position, number)),
        )
    last_option: dict[str, str] = {}
    for row in contributions:
        before = last_option.get(row.persona, "")
        moved = before if before and _same(before) != _same(row.option) else ""
        last_option[row.persona] = row.option
        rounds[row.round].cards.append(Card(row, faces[row.persona], now.over or _is_long(row), moved))
        rounds[row.round].offline |= row.offline
    for reading in assessments:
        if reading.round in rounds:
            rounds[reading.round].assessment = reading
    return list(rounds.values())


def _mark_pending(current: Round, seats: Sequence[Seat], faces: dict[str, Face]) -> None:
    heard = {card.row.persona for card in current.cards}
    failed = {aside.who for aside in current.asides if aside.kind == "failed"}
    if current.assessment is None:
        current.pending = [
            faces[seat.persona] for seat in seats if seat.persona not in heard and seat.name not in failed
        ]


def _place(seat: Seat, face: Face, rounds: Sequence[Round], votes: Sequence[Recommendation], now: Moment) -> Place:
    if any(vote.persona == seat.persona for vote in votes):
        return Place(seat, face, "done", "Has recommended")
    if now.voting(seat.sub_problem):
        return Place(seat, face, "speaking", "Making a recommendation")
    if rounds and any(waiting.persona == seat.persona for waiting in rounds[-1].pending):
        return Place(seat, face, "speaking", f"Thinking, round {rounds[-1].number}")
    spoken = [part.number for part in rounds for card in part.cards if card.row.persona == seat.persona]
    if spoken:
        return Place(seat, face, "done", f"Spoke in round {spoken[-1]}")
    return Place(seat, face, "", "Has not spoken yet")


def _stands(
    contributions: Sequence[Contribution], votes: Sequence[Recommendation], faces: dict[str, Face]
) -> list[Stand]:
    latest: dict[str, Contribution | Recommendation] = {row.persona: row for row in contributions}
    latest |= {row.persona: row for row in votes}
    stands: dict[str, Stand] = {}
    for persona, row in latest.items():
        voice = Voice(faces[persona], row.confidence, anchor(row))
        stands.setdefault(_same(row.option), Stand(row.option, [])).voices.append(voice)
    return sorted(stands.values(), key=lambda stand: -len(stand.voices))


def anchor(row: Contribution | Recommendation) -> str:
    """The fragment of the session page that shows ``row``."""
    return f"{'v' if isinstance(row, Recommendation) else 'c'}-{row.pk}"


def _same(option: str) -> str:
    return " ".join(option.lower().split()).rstrip(".")


def _is_long(row: Contribution) -> bool:
    return sum(map(len, [*map(str, row.reasons), *map(str, row.conditions), row.response])) > FOLD_AT
