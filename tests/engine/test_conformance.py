"""SE1: LangGraph's own conformance suite passes on our saver, in full."""

from collections.abc import AsyncIterator

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from sessions.graph.saver import Saver


@pytest.mark.django_db(transaction=True)
async def test_langgraphs_conformance_suite_passes_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    @checkpointer_test(name="Saver")
    async def saver() -> AsyncIterator[Saver]:
        yield Saver()

    report = await validate(saver)
    figures = {name: (result.tests_passed, result.tests_failed) for name, result in report.results.items()}
    with capsys.disabled():
        total = sum(passed for passed, _ in figures.values())
        print(f"\nconformance {report.conformance_level()}: {total} tests in {len(figures)} capabilities: {figures}")
    failures = [failure for result in report.results.values() for failure in result.failures]
    assert not failures, failures
    assert all(result.detected for result in report.results.values())
    assert report.conformance_level() == "FULL"
