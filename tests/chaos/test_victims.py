"""SE5, SE8: the short version of ``python -m tests.chaos.victims`` (``make chaos`` runs it with 40 sessions, timed)."""

import pytest

from tests.chaos import victims


@pytest.mark.chaos
@pytest.mark.slow
def test_whoever_is_killed_the_sessions_go_on_and_the_dead_leave_nothing_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capsys.disabled():
        print()
        assert victims.main(6, timed=False, latency="0.3-0.8") == []
