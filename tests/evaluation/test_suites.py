"""The suite that comes with the product: enough cases, very different, each one checkable."""

from collections import Counter

import pytest

from sessions.evaluation import loader, scoring
from sessions.evaluation.suite import Case, Suite


@pytest.fixture(scope="module")
def decisions() -> Suite:
    return loader.read(loader.find("decisions"))


def test_there_are_forty_cases_or_more_from_twenty_domains_or_more(decisions: Suite) -> None:
    assert len(decisions.cases) >= 40
    assert len({case.domain for case in decisions.cases}) >= 20
    assert max(Counter(case.domain for case in decisions.cases).values()) <= 5


def test_every_case_has_options_constraints_and_what_a_good_answer_weighs(decisions: Suite) -> None:
    for case in decisions.cases:
        assert len(case.options) >= 3, case.id
        assert case.constraints, case.id
        assert len(case.weigh) >= 3, case.id
        assert len(case.rubric) >= 5, case.id
        assert case.why, case.id


def test_most_cases_have_a_better_option_and_it_is_not_always_in_the_same_place(decisions: Suite) -> None:
    keyed = [case for case in decisions.cases if case.key]
    assert len(keyed) >= 25
    places = Counter(case.options.index(case.key) for case in keyed)
    assert len(places) >= 3
    assert max(places.values()) / len(keyed) < 0.6


def test_no_case_gives_its_key_or_its_reasons_away(decisions: Suite) -> None:
    from sessions.evaluation.schemas import brief

    for case in decisions.cases:
        shown = brief(case, case.options)
        assert case.why not in shown, case.id
        assert not any(item.text in shown for item in case.rubric), case.id
        assert not any(item in shown for item in case.weigh if len(item.split()) > 5), case.id


def test_every_option_is_told_from_every_other(decisions: Suite) -> None:
    for case in decisions.cases:
        for option in case.options:
            assert scoring.option_of(option, case.options) == option, case.id


def test_no_two_cases_share_a_problem(decisions: Suite) -> None:
    def words(case: Case) -> set[str]:
        return set(case.problem.lower().split())

    for n, one in enumerate(decisions.cases):
        for other in decisions.cases[n + 1 :]:
            shared = words(one) & words(other)
            assert len(shared) / len(words(one) | words(other)) < 0.4, (one.id, other.id)
