"""When Python looks for garbage in cycles."""

import gc

#: New objects until the next look. Python's own 700 makes it look a thousand times while a process only imports, which
#: is a fifth of the time of its start; what a step of ours leaves behind is a few thousand objects.
OBJECTS = 50_000


def look_less_often() -> None:
    """For the beginning of a process, before it imports."""
    gc.set_threshold(OBJECTS, 20, 20)


def leave_what_stands() -> None:
    """Once everything is imported, and before a fork: what stands now stands to the end and is not looked at again."""
    gc.collect()
    gc.freeze()
