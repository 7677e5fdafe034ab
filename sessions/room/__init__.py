"""The read model of a session: what its page, its report and its exports show, built from the rows."""

from sessions.room.build import Room, build

__all__ = ["Room", "build"]
