"""What is wrong with a suite or with a request to evaluate one: a stable code, and words that say what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """``line`` counts from 1; 0 where the whole file is meant."""

    code: str
    line: int
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.message} [{self.code}]"


class BadLine(ValueError):
    """One line of a suite cannot be used."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class SuiteInvalid(ValueError):
    """A suite cannot be used; ``problems`` holds one entry for each line that is wrong, at least one."""

    #: How many problems the text names; all of them are in ``problems``.
    SHOWN = 20

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.problems = problems
        shown = [f"  {problem}" for problem in problems[: self.SHOWN]]
        if len(problems) > self.SHOWN:
            shown.append(f"  and {len(problems) - self.SHOWN} more")
        super().__init__("\n".join([f"The suite {source} cannot be used:", *shown]))


class EvaluationError(Exception):
    """The evaluation cannot be run as asked."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)
