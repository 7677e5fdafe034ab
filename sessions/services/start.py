"""Bring a decision to the board, and start it."""

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from sessions import events
from sessions.cleaning import storable
from sessions.documents import Attachment
from sessions.models import Document, Session, Status
from sessions.personas import history
from sessions.personas.seating import MOST
from sessions.services import wake
from sessions.services.audit import record
from sessions.transitions import transition

#: Bounds of a decision. The upper one keeps prompts within every provider's context with room to spare.
MIN_PROBLEM, MAX_PROBLEM, MAX_CONTEXT = 20, 20_000, 60_000
MAX_ITEMS, MAX_ITEM = 12, 500


class InvalidDecision(ValueError):
    """The decision cannot be debated as given; ``code`` and ``field`` say why and where, the text what to do."""

    def __init__(self, code: str, field: str, message: str) -> None:
        self.code, self.field = code, field
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as its owner brings it; texts are kept as written, less what PostgreSQL cannot store."""

    problem: str
    context: str = ""
    options: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    max_rounds: int | None = None
    cost_cap: Decimal | None = None
    #: Show the frame and the board to the owner before the debate begins.
    review_frame: bool = False
    #: Slugs of personas: who shall sit on the board, and who shall not.
    picked: list[str] = field(default_factory=list)
    vetoed: list[str] = field(default_factory=list)
    documents: list[Attachment] = field(default_factory=list)

    def checked(self) -> "Decision":
        """This decision with its texts trimmed. Raises ``InvalidDecision`` with a code for what is out of bounds."""
        problem, context = _text(self.problem, "problem_statement"), _text(self.context, "context")
        if len(problem) < MIN_PROBLEM:
            raise InvalidDecision(
                "problem_too_short",
                "problem_statement",
                f"Describe the decision in at least {MIN_PROBLEM} characters: what has to be decided, and by when.",
            )
        _at_most(problem, MAX_PROBLEM, "problem_statement")
        _at_most(context, MAX_CONTEXT, "context")
        rounds = self.max_rounds
        if rounds is not None and not 1 <= rounds <= 10:
            raise InvalidDecision("rounds_out_of_range", "max_rounds", "Choose between 1 and 10 rounds.")
        if self.cost_cap is not None and not Decimal("0") < self.cost_cap <= Decimal("10000"):
            raise InvalidDecision("cap_out_of_range", "cost_cap", "Choose a cost cap above 0 and up to 10,000 dollars.")
        picked, vetoed = _experts(self.picked, self.vetoed)
        return Decision(
            problem,
            context,
            _items(self.options, "options"),
            _items(self.constraints, "constraints"),
            rounds,
            self.cost_cap,
            self.review_frame,
            picked,
            vetoed,
            list(self.documents),
        )


def _text(value: str, name: str) -> str:
    clean: str = storable(value).strip()
    controls = sum(1 for letter in clean if ord(letter) < 32 and letter not in "\n\r\t")
    if controls:
        raise InvalidDecision(
            "control_characters", name, f"The text contains {controls} control characters. Paste it as plain text."
        )
    return clean


def _at_most(text: str, limit: int, name: str) -> None:
    if len(text) > limit:
        raise InvalidDecision(
            "too_long",
            name,
            f"This has {len(text):,} characters; the most is {limit:,}. Keep what the decision turns on.",
        )


def _items(items: list[str], name: str) -> list[str]:
    clean = [text for item in items if (text := _text(item, name))]
    if len(clean) > MAX_ITEMS:
        raise InvalidDecision("too_many", name, f"Name at most {MAX_ITEMS} {name}.")
    for item in clean:
        _at_most(item, MAX_ITEM, name)
    return clean


def prose(value: str, name: str, longest: int) -> str:
    """``value`` trimmed, at most ``longest`` characters. Raises ``InvalidDecision`` for the field ``name``."""
    text = _text(value, name)
    _at_most(text, longest, name)
    return text


def items(values: list[str], name: str, *, longest: int = MAX_ITEM) -> list[str]:
    """The items that are not blank, each at most ``longest`` characters. Raises ``InvalidDecision``."""
    clean = _items(values, name)
    for item in clean:
        _at_most(item, longest, name)
    return clean


def _experts(picked: list[str], vetoed: list[str]) -> tuple[list[str], list[str]]:
    """Both lists without repetitions, checked against the catalogue as it is now."""
    wishes = {"experts_picked": list(dict.fromkeys(picked)), "experts_vetoed": list(dict.fromkeys(vetoed))}
    if not picked and not vetoed:
        return [], []
    known = history.current()
    for name, slugs in wishes.items():
        for slug in slugs:
            if slug not in known:
                near = get_close_matches(str(slug)[:80], known, 1)
                meant = f" Did you mean “{near[0]}”?" if near else " The catalogue lists everybody."
                raise InvalidDecision("unknown_expert", name, f"There is no expert “{str(slug)[:80]}”.{meant}")
    wanted, refused = wishes["experts_picked"], wishes["experts_vetoed"]
    if both := [known[slug].name for slug in wanted if slug in refused]:
        raise InvalidDecision(
            "expert_picked_and_vetoed", "experts_vetoed", f"{both[0]} cannot be both wanted and left out."
        )
    if len(wanted) > MOST:
        raise InvalidDecision("too_many_experts", "experts_picked", f"A board has {MOST} seats; pick at most {MOST}.")
    if len(known) - len(refused) < MOST:
        raise InvalidDecision(
            "too_few_experts_left", "experts_vetoed", f"Leave at least {MOST} experts for the board to choose from."
        )
    return wanted, refused


def create(owner: AbstractBaseUser, decision: Decision, *, by: str = "") -> Session:
    """Store a decision as a draft session with its ``session_created`` event. Raises ``InvalidDecision``."""
    checked = decision.checked()
    title = " ".join(checked.problem.split())
    title = title if len(title) <= 100 else title[:99].rsplit(" ", 1)[0] + "…"
    with transaction.atomic():
        session = Session.objects.create(
            owner_id=owner.pk,
            title=title,
            problem_statement=checked.problem,
            context=checked.context,
            options=checked.options,
            constraints=checked.constraints,
            max_rounds=checked.max_rounds or settings.BOARD_MAX_ROUNDS,
            cost_cap=checked.cost_cap,
            review_frame=checked.review_frame,
            catalogue_revision=history.current_revision(),
            experts_picked=checked.picked,
            experts_vetoed=checked.vetoed,
        )
        Document.objects.bulk_create(
            Document(session=session, position=position, characters=len(one.text), **asdict(one))
            for position, one in enumerate(checked.documents)
        )
        events.append(session.pk, [events.Draft("session_created", {"title": title}, "created")])
    session.refresh_from_db()
    return session


def start(session: Session, *, actor: Any = None, reason: str = "") -> Session:
    """Put a draft into the line. Status, event, audit entry and queue entry commit together.

    Raises ``IllegalTransition`` when it was started before; the session is unchanged then.
    """
    with transaction.atomic():
        transition(session.pk, Status.QUEUED, data={"reason": "started"}, only_from=Status.CREATED)
        record(actor or session.owner, "start", session, reason=reason, before={"status": "created"})
        wake.runners()
    session.refresh_from_db()
    return session
