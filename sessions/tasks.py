"""What the queue runs. Thin, and no task carries more than ids."""

from sessions import runner


def run() -> str:
    """See to it that whatever is in line is driven. Delivered twice or too often, it does no harm."""
    return runner.run()
