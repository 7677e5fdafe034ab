"""What staff may do to the broker. Each verb checks the permission, changes the state and leaves an audit entry.

The fire drill speaks to the offline provider only: it refuses wherever the provider's address is a real one.
"""

import json
import logging
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.core.exceptions import PermissionDenied
from django.db import transaction

from bo1site.resilience import breaker
from bo1site.resilience.breaker import CLOSED, Phase, State
from llm import breaker_store
from llm.models import OperatorAction
from llm.providers import registry
from llm.providers.base import title

logger = logging.getLogger(__name__)

OPERATE = "llm.operate_breaker"
DRILL = "llm.run_fire_drill"
LONGEST_TRIP = 24 * 60
LONGEST_DRILL = 60

Actor = AbstractBaseUser | AnonymousUser


class NotPossible(Exception):
    """The operation does not fit the present state; the message says why, and what can be done instead."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A misbehaviour of the offline provider. ``fields`` as its fault desk takes them."""

    label: str
    fields: dict[str, Any]


FAULTS: dict[str, Fault] = {
    "outage": Fault("Outage: every call fails (HTTP 500)", {"kind": "status", "status": 500}),
    "overloaded": Fault("Overloaded (HTTP 529)", {"kind": "status", "status": 529}),
    "rate_limit": Fault(
        "Rate limit: come back in 20 s (HTTP 429)", {"kind": "status", "status": 429, "retry_after": 20}
    ),
    "auth": Fault("The key is rejected (HTTP 401)", {"kind": "status", "status": 401}),
    "stall": Fault("Stalls: answers begin and never end", {"kind": "stall"}),
    "slow": Fault("Slow: every answer takes 10 s longer", {"kind": "delay", "seconds": 10}),
    "truncate": Fault("Answers are cut short", {"kind": "truncate"}),
    "malformed": Fault("Answers are not JSON", {"kind": "malformed"}),
    "invalid": Fault("Answers do not fit the schema", {"kind": "bad_schema"}),
    "flaky": Fault("Every third call fails (HTTP 502)", {"kind": "status", "status": 502, "every": 3}),
}


def trip(actor: Actor, provider: str, minutes: int, reason: str) -> str:
    """Opens a breaker for ``minutes`` (1 to a day): no call goes to the provider. Returns what to tell the actor."""
    _permit(actor, OPERATE)
    _within(minutes, LONGEST_TRIP)

    def step(state: State, now: float) -> tuple[State, tuple[State, State]]:
        if state.phase is Phase.OPEN and now < state.open_until:
            raise NotPossible(
                f"The breaker of {title(provider)} is open already, for another {state.open_until - now:.0f} s. "
                "Reset it first to open it for a different time."
            )
        after = breaker.tripped(now, minutes * 60.0, f"tripped by {_name(actor)}: {reason}"[:300])
        return after, (state, after)

    with transaction.atomic():
        before, after = breaker_store.transition(provider, step)
        _record(actor, OperatorAction.Verb.TRIP, provider, reason, asdict(before), asdict(after))
    return f"{title(provider)} gets no calls for {minutes} min; then one call tries whether it answers."


def reset(actor: Actor, provider: str, reason: str) -> str:
    """Closes a breaker at once and forgets its failures."""
    _permit(actor, OPERATE)

    def step(state: State, now: float) -> tuple[State, State]:
        if state == CLOSED:
            raise NotPossible(
                f"The breaker of {title(provider)} is closed and has counted no failure: nothing to reset."
            )
        return CLOSED, state

    with transaction.atomic():
        before = breaker_store.transition(provider, step)
        _record(actor, OperatorAction.Verb.RESET, provider, reason, asdict(before), asdict(CLOSED))
    return f"{title(provider)} gets calls again from now on."


def drill(actor: Actor, provider: str, fault: str, minutes: int, reason: str) -> str:
    """Has the offline provider misbehave under this provider's name for ``minutes`` (1 to an hour)."""
    _permit(actor, DRILL)
    _within(minutes, LONGEST_DRILL)
    chosen = FAULTS.get(fault)
    if chosen is None:
        raise NotPossible(f"There is no drill named {fault!r}. Choose one of: {', '.join(FAULTS)}.")
    definition = {"provider": provider, "for_seconds": minutes * 60, **chosen.fields}
    _speak(provider, "POST", "/faults", definition)
    _record(actor, OperatorAction.Verb.DRILL, provider, reason, {}, definition)
    return f"Drill begun: {chosen.label}, for {minutes} min under the name of {title(provider)}."


def end_drill(actor: Actor, provider: str, reason: str) -> str:
    """Has the offline provider behave again at once."""
    _permit(actor, DRILL)
    answer = _speak(provider, "DELETE", f"/faults?provider={urllib.parse.quote(provider)}")
    if not answer.get("removed"):
        raise NotPossible(f"No drill is running for {title(provider)}.")
    _record(actor, OperatorAction.Verb.END_DRILL, provider, reason, {}, answer)
    return f"Drill ended: {title(provider)} behaves again. An open breaker closes after its next probe, or by a reset."


def can_drill(provider: str) -> bool:
    """True when this provider is the offline one, and nothing real can be reached under its name."""
    entry = registry.config(provider)
    base = str(getattr(settings, "OFFLINE_URL", "")).rstrip("/")
    return bool(entry and entry.offline and base and entry.base_url.startswith(base + "/"))


def _speak(provider: str, method: str, path: str, body: object = None) -> dict[str, Any]:
    if not can_drill(provider):
        raise NotPossible(
            f"{title(provider)} is real here. Fire drills run only where the offline provider stands in for a provider."
        )
    request = urllib.request.Request(  # noqa: S310  # the address is our own setting, checked above
        settings.OFFLINE_URL.rstrip("/") + path,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise NotPossible(
            f"The offline provider at {settings.OFFLINE_URL} does not answer ({error}). Start it, then try again."
        ) from error


def _permit(actor: Actor, permission: str) -> None:
    if not isinstance(actor, PermissionsMixin) or not actor.has_perm(permission):
        raise PermissionDenied(f"This needs the permission {permission}.")


def _within(minutes: int, most: int) -> None:
    if not 1 <= minutes <= most:
        raise NotPossible(f"Choose between 1 and {most} minutes.")


def _record(
    actor: Actor, verb: OperatorAction.Verb, provider: str, reason: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    OperatorAction.objects.create(
        actor=_name(actor), verb=verb, provider=provider, reason=reason[:500], before=before, after=after
    )
    logger.warning("%s: %s (%s), because: %s", _name(actor), verb.label, provider, reason)


def _name(actor: Actor) -> str:
    return actor.get_username()[:150]
