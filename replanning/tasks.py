"""What the queue calls. Ids only; the work is in the services."""

from replanning.services import offer
from replanning.services import repair as mending


def settle(session_id: str) -> None:
    offer.settle(session_id)


def repair() -> str:
    """The nightly repair; what it did is in the audit trail, and in the result of the task."""
    report = mending.repair(reason="nightly repair")
    failed = [one for one in report if one.error]
    return f"{len(report) - len(failed)} mended, {len(failed)} failed"
