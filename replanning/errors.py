"""Why a plan cannot be changed as asked. The code is stable; the text says what to do."""


class PlanError(ValueError):
    """``field`` names the input at fault, if one is; ``conflict`` says that the state of the plan is in the way."""

    conflict = False

    def __init__(self, code: str, message: str, *, field: str = "") -> None:
        self.code, self.field = code, field
        super().__init__(message)


class Conflict(PlanError):
    """The request is sound in itself, but the plan is in another state by now."""

    conflict = True


class Forbidden(PlanError):
    """The plan may be read by this person, and not changed."""
