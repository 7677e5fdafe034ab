"""The one way a node says that the deliberation cannot go on from here."""


class DeliberationFailed(Exception):
    """``code`` is stable and made for programs, ``message`` is a sentence for the owner.

    ``recoverable`` says truthfully whether a retry of the same step can help. ``node`` is the node that gave up.
    """

    def __init__(self, code: str, message: str, *, recoverable: bool, node: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.recoverable = recoverable
        self.node = node

    def __str__(self) -> str:
        return f"{self.message} [{self.code} in {self.node}]"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.code, self.message, self.recoverable, self.node))


def _rebuild(code: str, message: str, recoverable: bool, node: str) -> DeliberationFailed:
    return DeliberationFailed(code, message, recoverable=recoverable, node=node)
