"""Marks that need no judge: which option an answer means, whether a number is right, whether a phrase is there."""

from sessions.evaluation.answer import Answer
from sessions.evaluation.numbers import equal, last_number, plain
from sessions.evaluation.suite import Case, Criterion, Kind
from sessions.graph import options as naming


def option_of(text: str, options: tuple[str, ...]) -> str:
    """The option a text means, "" when it is none of them."""
    meant = naming.meant(text, options)
    return meant if meant in options else ""


def number_of(text: str) -> str:
    """The last number of a text in its one way of writing, "" when there is none."""
    value = last_number(text)
    return "" if value is None else plain(value)


def said(case: Case, text: str) -> str:
    """What a text says in answer to a case: an option or a number; "" when it says neither."""
    return number_of(text) if case.kind is Kind.NUMBER else option_of(text, case.options)


def is_right(case: Case, word: str) -> bool | None:
    """Whether an option or number is the key's; None where the case has no key. What cannot be read is not right."""
    if not case.key:
        return None
    if case.kind is not Kind.NUMBER:
        return word == case.key
    given, right = last_number(word), last_number(case.key)
    return given is not None and right is not None and equal(given, right, case.tolerance)


def mentioned(criterion: Criterion, answer: Answer) -> bool:
    """Whether the answer contains one of the criterion's phrases, whatever the case of letters and spaces."""
    text = _flat(rendered(answer))
    return any(_flat(phrase) in text for phrase in criterion.mentions)


def contains(text: str, quote: str) -> bool:
    """Whether ``quote`` (three characters or more) stands in ``text``, apart from case, spaces and quotation marks."""
    wanted = _flat(quote).strip(" .,;:…\"'“”‘’")
    return len(wanted) >= 3 and wanted in _flat(text)


def rendered(answer: Answer) -> str:
    """The answer as the judge reads it: the same headings whatever mode it came from, and no names of voices."""
    parts = [f"Recommendation: {answer.recommendation}"]
    parts += [f"Reason: {reason}" for reason in answer.reasons]
    parts += [f"Condition: {condition}" for condition in answer.conditions]
    parts += [f"Against it: {answer.against}"] if answer.against else []
    parts += [f"Would change it: {answer.change}"] if answer.change else []
    text = "\n".join(parts)
    for name in {ballot.who for ballot in answer.ballots}:
        text = text.replace(name, "one voice")
    return text


def _flat(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").replace("“", '"').replace("”", '"').split())
