"""Who may sit on a board. People are told apart by how they reason, not only by what they know."""

from sessions.personas.catalogue import Persona, catalogue

__all__ = ["Persona", "catalogue"]
