"""Documents that a decision is brought with: read once, when they arrive, and kept as text.

What is in them is material for the board, like everything its owner writes. Nothing in a document is ever executed, and
its text reaches a model only inside a section that it cannot leave (sessions/prompts/sections.py).
"""

from sessions.documents.attachment import Attachment, InvalidDocument, Upload
from sessions.documents.reading import count, read, weigh_together

__all__ = ["Attachment", "InvalidDocument", "Upload", "count", "read", "weigh_together"]
