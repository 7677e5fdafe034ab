"""The one error a caller of the broker sees. It carries a stable code and a decision."""

from enum import StrEnum

from llm.types import Usage


class Action(StrEnum):
    """What is worth doing after a failed attempt."""

    RETRY = "retry"
    FALL_BACK = "fall_back"
    REPAIR = "repair"
    ENLARGE = "enlarge"
    GIVE_UP = "give_up"


class Condition(StrEnum):
    """Why an attempt failed. The policy decides by this, never by an exception class alone."""

    ACCOUNT = "account"  # key, permission, billing, quota, unknown model: no retry can help
    OVERLOADED = "overloaded"
    RATE_LIMITED = "rate_limited"
    TRANSIENT = "transient"  # 408, 409, 5xx, connection, stall, truncation, malformed body
    BAD_REQUEST = "bad_request"  # the request is itself wrong
    REFUSED = "refused"  # the model or a content filter declined
    CONTEXT = "context"  # the prompt does not fit the model
    CUT = "cut"  # the answer stopped at the token limit
    INVALID_ANSWER = "invalid_answer"  # the answer does not fit the schema
    BUDGET = "budget"
    DEADLINE = "deadline"
    CIRCUIT_OPEN = "circuit_open"
    NOT_CONFIGURED = "not_configured"
    STORAGE = "storage"  # our own database


_RECOVERABLE = frozenset(Condition) - {Condition.BAD_REQUEST, Condition.REFUSED, Condition.CONTEXT}


class LLMError(Exception):
    """A call that gave no usable answer.

    ``code`` is stable and made for programs, ``message`` is a sentence for people that says what to do.
    ``retry_after`` is in seconds, None when nobody said how long to wait. ``recoverable`` tells whether the same
    request can succeed later without being changed. ``usage`` holds the tokens of an attempt that was answered, but
    uselessly; ``billed`` is False where the provider certainly charged nothing, None where nobody can know.
    ``causes`` holds one error for each provider that failed before this one was raised.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        condition: Condition,
        provider: str = "",
        action: Action = Action.GIVE_UP,
        retry_after: float | None = None,
        http_status: int | None = None,
        usage: Usage | None = None,
        model: str = "",
        answer: str = "",
        billed: bool | None = False,
        causes: "tuple[LLMError, ...]" = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.condition = condition
        self.provider = provider
        self.action = action
        self.retry_after = retry_after
        self.http_status = http_status
        self.usage = usage
        self.model = model
        self.answer = answer
        self.billed = billed
        self.causes = causes

    @property
    def recoverable(self) -> bool:
        return self.condition in _RECOVERABLE

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.code, self.message, dict(self.__dict__)))


def _rebuild(code: str, message: str, state: dict[str, object]) -> LLMError:
    error = LLMError(code, message, condition=Condition.TRANSIENT)
    error.__dict__.update(state)
    return error
