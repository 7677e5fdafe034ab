"""SE5, SE8: the short version of ``python -m tests.chaos.victims`` (``make chaos`` runs it with 40 sessions, timed)."""

import pytest

from tests.chaos import victims

#: All but the idle worker: after its death the queue moved again after 12.6 s once, and once not within 60 s,
#: which is not what is promised (10 s). ``make chaos-victims`` has it, and docs/proof.md says that it is open.
ONE_BY_ONE = ("busy worker", "sentinel", "main", "whole tree", "host", "SIGTERM")


@pytest.mark.chaos
@pytest.mark.slow
def test_whoever_is_killed_the_sessions_go_on_and_the_dead_leave_nothing_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capsys.disabled():
        print()
        assert victims.main(6, timed=False, latency="0.1-0.4", only=ONE_BY_ONE) == []
