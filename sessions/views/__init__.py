"""The pages of the board. Each view reads through ``sessions.room`` and changes through ``sessions.services``."""
