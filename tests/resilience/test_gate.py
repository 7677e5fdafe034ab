"""The breaker of one process (DB4, RD2)."""

import contextlib
import threading

import pytest

from bo1site.resilience.breaker import Phase, Rules
from bo1site.resilience.gate import Gate, Refused


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fail(gate: Gate, times: int) -> None:
    for _ in range(times):
        ticket, _ = gate.enter()
        gate.failed(ticket, "refused")


def test_five_failures_in_a_row_shut_the_gate_for_a_minute(clock: Clock) -> None:
    gate = Gate("a", Rules(), clock=clock)
    fail(gate, 4)
    gate.succeeded("somebody")
    fail(gate, 4)
    assert gate.state.phase is Phase.CLOSED
    fail(gate, 1)
    with pytest.raises(Refused) as refused:
        gate.enter()
    assert refused.value.retry_in == 60


def test_of_many_that_come_after_the_pause_one_probes(clock: Clock) -> None:
    gate = Gate("a", Rules(), clock=clock)
    fail(gate, 5)
    clock.now += 61
    admitted = []
    barrier = threading.Barrier(20)

    def come() -> None:
        barrier.wait()
        with contextlib.suppress(Refused):
            admitted.append(gate.enter())

    threads = [threading.Thread(target=come) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [probing for _, probing in admitted] == [True]
    gate.succeeded(admitted[0][0])
    assert gate.state.phase is Phase.CLOSED


def test_a_failed_probe_shuts_it_again(clock: Clock) -> None:
    gate = Gate("a", Rules(), clock=clock)
    fail(gate, 5)
    clock.now += 61
    ticket, _ = gate.enter()
    gate.failed(ticket, "still away")
    assert gate.retry_in() == 60


def test_connections_that_break_together_count_as_one_failure(clock: Clock) -> None:
    gate = Gate("a", Rules(), spacing=1.0, clock=clock)
    fail(gate, 20)
    assert gate.state.failures == 1
    for _ in range(4):
        clock.now += 1
        fail(gate, 1)
    assert gate.state.phase is Phase.OPEN
