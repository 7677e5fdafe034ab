"""The board's tables. App label ``board``: ``sessions`` already names Django's login sessions."""

from sessions.models.audit import AuditEntry
from sessions.models.checkpoint import Checkpoint, CheckpointBlob, CheckpointWrite
from sessions.models.document import Document
from sessions.models.evaluation import Evaluation, Trial
from sessions.models.event import Event
from sessions.models.idempotency import IdempotencyKey
from sessions.models.outcome import ActionProposal, Memo, Recommendation
from sessions.models.persona import PersonaVersion
from sessions.models.resolution import Followed, Hindsight, Resolution
from sessions.models.room import Assessment, Contribution, Intervention, Seat, SubProblem
from sessions.models.run import Run
from sessions.models.session import Phase, Session, Status
from sessions.models.slot import RunnerSlot

__all__ = [
    "ActionProposal",
    "Assessment",
    "AuditEntry",
    "Checkpoint",
    "CheckpointBlob",
    "CheckpointWrite",
    "Contribution",
    "Document",
    "Evaluation",
    "Event",
    "Followed",
    "Hindsight",
    "IdempotencyKey",
    "Intervention",
    "Memo",
    "PersonaVersion",
    "Phase",
    "Recommendation",
    "Resolution",
    "Run",
    "RunnerSlot",
    "Seat",
    "Session",
    "Status",
    "SubProblem",
    "Trial",
]
