"""SE5, SE8: what else befalls workers, with real processes: frozen, fed twice, robbed of their queue, poisoned."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bo1site.resilience import faults
from tests.chaos import trees
from tests.chaos.kit import damage, repeated_calls, start_sessions, statuses
from tests.chaos.trees import Tree
from tests.chaos.victims import at_work
from tests.live import Board, board, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    # A transaction that lies idle is taken back by PostgreSQL after a minute; here, after a few seconds.
    with board(
        tmp_path_factory.mktemp("workers"),
        web=False,
        worker=False,
        latency="0.2-0.6",
        LOG_LEVEL="WARNING",
        IDLE_IN_TRANSACTION="6",
    ) as running:
        yield running


@pytest.fixture
def running(kept: Board) -> Iterator[Board]:
    """Nothing but the provider runs, and nothing is known of what the test before did."""
    kept.empty()
    yield kept
    kept.only("provider")


_CALL = "session_id::text, node, persona, task_id, call_no"


def all_completed(running: Board, count: int) -> None:
    completed_whole(running, count)
    assert repeated_calls(running) == []


def completed_whole(running: Board, count: int) -> None:
    wait_until(lambda: statuses(running) == {"completed": count}, seconds=120, what="every session to be completed")
    assert damage(running) == []


def calls(running: Board, which: str) -> set[tuple[object, ...]]:
    return set(running.query(f"SELECT {_CALL} FROM llm_llmcall WHERE session_id IS NOT NULL {which}"))


def unsettled(running: Board) -> dict[tuple[str, int], str]:
    """Who holds which session under which fence."""
    rows = running.query("SELECT id, fence, lease_owner FROM board_session WHERE status = 'running'")
    return {(str(session), fence): owner for session, fence, owner in rows}


def written_under(running: Board, session: str, fence: int) -> list[tuple[object, ...]]:
    """Everything that was stored under a claim: checkpoints by what they say, and events of the claim's steps."""
    return running.query(
        "SELECT checkpoint_id, created_at FROM board_checkpoint WHERE thread_id = %s AND metadata ->> 'fence' = %s"
        " ORDER BY 1",
        session,
        str(fence),
    )


@pytest.mark.parametrize("where", ["anywhere", "sink.before_end"])
def test_a_worker_that_was_frozen_past_its_lease_writes_nothing_when_it_goes_on(
    running: Board, tmp_path: Path, where: str
) -> None:
    """Frozen wherever it is, and inside the transaction of the last step, whose locks PostgreSQL then takes back."""
    armed = tmp_path / "faults"
    armed.mkdir()
    first = running.start_worker("first", BO1_FAULT_DIR=str(armed), BO1_HOST="first")
    ids = start_sessions(running, 4, rounds=2)
    wait_until(lambda: at_work(running, ids), seconds=120, what="sessions to be in mid-debate")
    tree = wait_until(lambda: Tree.of(first.pid), seconds=60, what="a whole tree")
    if where != "anywhere":
        faults.arm(armed, where, "stop")
        wait_until((armed / f"{where}.fired").exists, seconds=30, what="a worker to freeze in a transaction")
    trees.kill(tree.everybody, signal.SIGSTOP)  # everything, or the sentinel would take it for dead
    finished, asked = calls(running, "AND status = 'finished'"), calls(running, "AND status = 'started'")
    held = unsettled(running)
    before = {claim: written_under(running, *claim) for claim in held}
    assert held
    running.start_worker("second", BO1_HOST="second")
    wait_until(lambda: not held.keys() & unsettled(running).keys(), seconds=60, what="the sessions to be taken over")
    trees.kill(tree.everybody, signal.SIGCONT)
    completed_whole(running, 4)
    # What was being asked when it froze is asked again by the next holder, and then answered to both. Nothing else is.
    twice = calls(running, f"GROUP BY {_CALL} HAVING count(*) > 1")
    assert not twice & finished
    assert twice <= asked
    assert {claim: written_under(running, *claim) for claim in held} == before
    outcomes = dict(running.query("SELECT session_id::text || fence, outcome FROM board_run"))
    assert {outcomes[f"{session}{fence}"] for session, fence in held} == {"lost"}


def test_a_runner_task_that_is_delivered_three_times_at_once_doubles_nothing(running: Board) -> None:
    ids = start_sessions(running, 4, rounds=2)
    # The same entry, three times: what a broker does that delivers at least once.
    running.query(
        "INSERT INTO django_q_ormq (key, payload, lock) SELECT o.key, o.payload, o.lock FROM"
        " (SELECT * FROM django_q_ormq ORDER BY id LIMIT 1) o, generate_series(1, 2)"
    )
    running.query("DELETE FROM django_q_ormq WHERE payload <> (SELECT payload FROM django_q_ormq ORDER BY id LIMIT 1)")
    assert running.query("SELECT count(*) FROM django_q_ormq") == [(3,)]
    seen: list[int] = []

    def slots() -> int:
        count = int(running.query("SELECT count(*) FROM board_runnerslot WHERE lease_until > now()")[0][0])
        seen.append(count)
        return count

    running.start_worker(RUNNER_SLOTS="1")  # two workers, one slot
    wait_until(lambda: slots() and at_work(running, ids), seconds=120, what="sessions to be in mid-debate")
    wait_until(lambda: slots() and set(statuses(running)) == {"completed"}, seconds=120, what="all to be completed")
    all_completed(running, 4)
    assert max(seen) == 1
    assert {runs for (runs,) in running.query("SELECT count(*) FROM board_run GROUP BY session_id")} == {1}


def test_sessions_whose_queue_entries_were_deleted_go_on_by_themselves(running: Board) -> None:
    running.start_worker(RUNNER_IDLE="0.2")
    wait_until(lambda: running.query("SELECT 1 FROM django_q_schedule"), seconds=60, what="the worker to be up")
    # From here on every entry is lost the moment it is written, until five have been.
    running.query("CREATE SEQUENCE lost_entries")
    running.query(
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF nextval('lost_entries') <= 5 THEN"
        " DELETE FROM django_q_ormq WHERE id = NEW.id; END IF; RETURN NULL; END$$"
    )
    running.query("CREATE TRIGGER lose AFTER INSERT ON django_q_ormq FOR EACH ROW EXECUTE FUNCTION lose()")
    try:
        start_sessions(running, 4, rounds=1)
        all_completed(running, 4)
        assert running.query("SELECT last_value >= 5 FROM lost_entries") == [(True,)]
    finally:
        running.query("DROP FUNCTION lose CASCADE")
        running.query("DROP SEQUENCE lost_entries")


def test_a_session_that_always_kills_its_worker_is_taken_out_and_the_others_finish(
    running: Board, tmp_path: Path
) -> None:
    armed = tmp_path / "faults"
    armed.mkdir()
    ids = start_sessions(running, 6, rounds=1)
    faults.arm(armed, "drive.begun", f"always {ids[2]}")
    running.start_worker(BO1_FAULT_DIR=str(armed))
    wait_until(
        lambda: statuses(running) == {"completed": 5, "failed": 1}, seconds=150, what="five to end well and one badly"
    )
    [(session, code)] = running.query("SELECT id, failure ->> 'code' FROM board_session WHERE status = 'failed'")
    assert (str(session), code) == (ids[2], "poison")
    assert damage(running) == []
    assert repeated_calls(running) == []
    (armed / "drive.begun").unlink()  # whatever it was is mended; staff retries
    running.script(
        "from sessions.services.recovery import resume_session_from_checkpoint as again; from sessions.models import"
        f" Session; s = Session.objects.get(pk={ids[2]!r}); again(s.pk, actor=s.owner)",
    )
    all_completed(running, 6)


def test_every_one_of_five_hundred_tasks_in_four_workers_reads_its_own_row(running: Board) -> None:
    """A pool inherited over fork once answered one worker with the row of another."""
    running.script(
        "from django.db import transaction; from django_q.tasks import async_task; from sessions.models import"
        " AuditEntry\n"
        "with transaction.atomic():\n"
        "    for number in range(500):\n"
        "        row = AuditEntry.objects.create(actor='test', action='own', object_type='', object_id=f'n{number}')\n"
        "        async_task('tests.chaos.row_task.read', row.pk)",
    )
    running.start_worker(RUNNER_SLOTS="3")
    done = "SELECT count(*) FROM board_auditentry WHERE action = 'read'"
    wait_until(lambda: running.query(done)[0][0] >= 500, seconds=120, what="500 tasks")
    wait_until(lambda: not running.query("SELECT 1 FROM django_q_ormq"), seconds=30, what="the queue to be empty")
    assert running.query(done) == [(500,)]
    assert running.query("SELECT count(DISTINCT actor) FROM board_auditentry WHERE action = 'read'") == [(4,)]
    wrong = running.query(
        "SELECT own.id, own.object_id, seen.object_id FROM board_auditentry own LEFT JOIN board_auditentry seen"
        " ON seen.action = 'read' AND seen.object_type = own.id::text"
        " WHERE own.action = 'own' AND own.object_id IS DISTINCT FROM seen.object_id"
    )
    assert wrong == []


@pytest.mark.parametrize("whom", ["monitor", "pusher"])
def test_a_helper_of_the_queue_that_is_killed_stops_nobody(running: Board, whom: str) -> None:
    supervisor = running.start("supervisor", ["-m", "tests.chaos.supervised"])
    tree = wait_until(lambda: Tree.under(supervisor.pid), seconds=60, what="a whole tree")
    victim: psutil.Process = tree.children[-2 if whom == "monitor" else -1]
    start_sessions(running, 2, rounds=1)
    trees.kill([victim])
    start_sessions(running, 2, rounds=1)
    all_completed(running, 4)
