"""SE5: the short version of ``make chaos``, for every run of the tests."""

import pytest

from tests.chaos import kills


@pytest.mark.chaos
@pytest.mark.slow
def test_twenty_kills_lose_nothing_double_nothing_and_repeat_no_finished_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capsys.disabled():
        print()
        assert kills.main(20, seed=7, in_flight=8) == []
