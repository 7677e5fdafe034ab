"""The rules of exactly-once delivery, driven through random interleavings as pure state machines (SS1–SS3)."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessions.stream import ring
from sessions.stream.ring import Channel, Cursor, Do, Frame, Gap, Page, Send

FETCH, PAGE, FAR = 4, 3, 5  # small, so that everything that is cut short is cut short often


class Table:
    """The event table and the session's row, as a database shows them."""

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}  # sequence → which writing of it (a lost tail writes a sequence again)
        self.top = 0
        self.over = False
        self.written = 0

    def append(self, count: int) -> None:
        for _ in range(count):
            self.top += 1
            self.written += 1
            self.rows[self.top] = self.written

    def above(self, last: int, limit: int) -> list[int]:
        return sorted(n for n in self.rows if n > last)[:limit]

    def frames(self, sequences: list[int]) -> list[Frame]:
        return [Frame(n, f"{n}:{self.rows[n]} ".encode()) for n in sequences]

    def page(self, last: int) -> Page | None:
        found = self.above(last, PAGE)
        run = [n for i, n in enumerate(found) if n == found[0] + i]
        if not run:
            return None
        return Page(run[0], run[-1], b"".join(f.body for f in self.frames(run)))


class Client:
    """What one browser was sent, checked as it arrives."""

    def __init__(self) -> None:
        self.last = 0
        self.cursor: Cursor | None = None
        self.seen: set[int] = set()  # writings
        self.skipped: set[int] = set()  # sequences that a gap announced as gone
        self.over = False
        self.waiting = False  # it has everything, and its stream sleeps
        self.apart: Channel | None = None  # while it is far behind

    def gap(self, gap: Gap) -> None:
        assert gap.expected == self.last + 1
        if gap.actual > gap.expected:
            self.skipped.update(range(gap.expected, gap.actual))
        self.last = gap.actual - 1

    def send(self, send: Send) -> None:
        parts = [part.split(":") for part in send.body.decode().split()]
        assert len(parts) == send.count
        for sequence, writing in parts:
            assert int(sequence) == self.last + 1, "out of order, twice, or a hole that no gap announced"
            assert int(writing) not in self.seen, "an event twice"
            self.last = int(sequence)
            self.seen.add(int(writing))


class Delivery(RuleBasedStateMachine):
    """Appends, doorbells lost and early, polls, disconnects, pruning, lost tails: in any order hypothesis likes."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.channel: Channel | None = None
        self.clients = [Client(), Client()]
        self.reading: tuple[int, bool, list[Frame], bool, int] | None = None  # a fetch whose answer is still under way
        self.pages: dict[int, Page | None] = {}
        self.tails_lost = 0
        self.ends: set[int] = set()  # sequences of events that ended the session

    @initialize(count=st.integers(0, 12))
    def begin(self, count: int) -> None:
        self.table.append(count)

    @rule(count=st.integers(1, 6))
    def append(self, count: int) -> None:
        if self.table.over:
            self.table.over = False  # a failed session is retried
        self.table.append(count)

    @rule()
    def the_session_ends(self) -> None:
        self.table.append(1)
        self.table.over = True
        self.ends.add(self.table.top)

    @precondition(lambda self: self.table.over)
    @rule()
    def a_word_after_the_end(self) -> None:
        """What became of a decision: the session stays over."""
        self.table.append(1)

    @rule(count=st.integers(1, 8))
    def prune(self, count: int) -> None:
        for sequence in sorted(self.table.rows)[:count]:
            del self.table.rows[sequence]

    @rule(data=st.data())
    def one_event_is_deleted(self, data: st.DataObject) -> None:
        if self.table.rows:
            del self.table.rows[data.draw(st.sampled_from(sorted(self.table.rows)))]

    @precondition(lambda self: self.reading is None and not self.pages and self.table.top > 2)
    @rule(count=st.integers(1, 2))
    def the_tail_is_lost(self, count: int) -> None:
        """A fail-over: every connection broke, so no answer is under way, and the hub looks at once."""
        table = self.table
        table.top -= count
        table.over = False
        table.rows = {n: w for n, w in table.rows.items() if n <= table.top}
        self.tails_lost += 1
        self.ends = {n for n in self.ends if n <= table.top}
        for client in self.clients:
            if client.cursor is None:
                client.last = min(client.last, table.top)  # what a lost timeline was to a client that is away
            client.skipped = {n for n in client.skipped if n <= table.top}
        self.look()
        self.answer()

    @rule(ahead=st.integers(-3, 3))
    def a_doorbell_rings(self, ahead: int) -> None:
        """Late, early, lost (no rule call) or doubled: it may only cause a look."""
        if self.channel is not None and self.channel.promise(self.table.top + ahead):
            self.look()

    @precondition(lambda self: self.channel is not None)
    @rule(late=st.integers(0, 2), count=st.integers(0, 3))
    def a_doorbell_carries_events(self, late: int, count: int) -> None:
        """Late, doubled, or first of all to come: it counts only where it follows on what is known. With a ``count`` of
        0 it does follow."""
        assert self.channel is not None
        last = self.table.top - late
        numbers = list(range(last - count + 1 if count else (self.channel.head or 0) + 1, last + 1))
        if not numbers or not self.table.rows.keys() >= set(numbers) or self.ends & set(numbers):
            return  # what is the last of a session is not carried
        before = self.channel.head
        heard = self.channel.hear(numbers[0], [frame.body for frame in self.table.frames(numbers)])
        assert not heard or (before == numbers[0] - 1 and self.reading is None)
        if not heard and self.channel.promise(last):
            self.look()

    @rule()
    def look(self) -> None:
        """A fetch begins: this is its snapshot."""
        channel, table = self.channel, self.table
        if channel is None or self.reading is not None:
            return
        if channel.head is None:
            newest = sorted(table.rows)[-ring.RING_FRAMES :]
            self.reading = (table.top, table.over, table.frames(newest), False, channel.shown)
        else:
            found = table.above(channel.head, FETCH)
            self.reading = (table.top, table.over, table.frames(found), len(found) == FETCH, channel.shown)
        channel.reading = True

    @precondition(lambda self: self.reading is not None)
    @rule()
    def answer(self) -> None:
        """… and this is its answer, with whatever has happened in between."""
        if self.channel is not None and self.reading is not None:
            top, over, frames, more, shown = self.reading
            self.channel.settle(top, over, frames, more=more, shown=shown)
            self.channel.reading = False
        self.reading = None

    @rule(n=st.integers(0, 1))
    def connect(self, n: int) -> None:
        client = self.clients[n]
        if client.cursor is None:
            client.over = client.waiting = False
            if self.table.top - client.last > FAR:
                client.apart = Channel("s")
                client.apart.settle(self.table.top, False, [])
                client.cursor = Cursor(client.last, self.table.top, client.apart)
            else:
                self._watch(client, client.last, self.table.top)

    def _watch(self, client: Client, last: int, head: int) -> None:
        if self.channel is None:
            self.channel = Channel("s")
            self.reading = None
        client.apart, client.cursor = None, Cursor(last, head, self.channel)
        if self.channel.promise(head):  # what admission saw rings the bell
            self.look()

    @rule(n=st.integers(0, 1))
    def push(self, n: int) -> None:
        """The hub hands news to a client that waits without waking its stream."""
        client = self.clients[n]
        if client.waiting and client.cursor is not None and self.channel is not None:
            assert client.apart is None
            send = client.cursor.news(self.channel)
            if send:
                client.send(send)

    @rule(n=st.integers(0, 1))
    def disconnect(self, n: int) -> None:
        client = self.clients[n]
        client.cursor, client.apart, client.waiting = None, None, False
        self.pages.pop(n, None)
        if all(client.cursor is None or client.apart for client in self.clients):
            self.channel, self.reading = None, None

    @rule(n=st.integers(0, 1))
    def step(self, n: int) -> None:
        self._step(n)

    def _step(self, n: int) -> Do | Gap | Send | None:
        client = self.clients[n]
        channel = client.apart or self.channel
        if client.cursor is None or channel is None or channel.head is None:
            return None
        if n in self.pages:
            gap, send = client.cursor.turn(self.pages.pop(n), channel)
            if gap:
                self._gap(client, gap)
            if send:
                client.send(send)
            return gap or send
        step = client.cursor.step(channel)
        if step is Do.WAIT and client.apart:
            self._watch(client, client.cursor.last, client.cursor.known)
            return None
        client.waiting = step is Do.WAIT
        if isinstance(step, Gap):
            self._gap(client, step)
        elif isinstance(step, Send):
            client.send(step)
        elif step is Do.READ:
            self.pages[n] = self.table.page(client.cursor.last)
        elif step is Do.OVER:
            assert client.last == channel.head
            client.over, client.cursor = True, None  # the server hangs up
        return step

    def _gap(self, client: Client, gap: Gap) -> None:
        if not self.tails_lost:  # else numbers are given twice
            assert not self.table.rows.keys() & range(gap.expected, gap.actual), "a gap where there are events"
        client.gap(gap)

    @invariant()
    def the_ring_is_bounded_and_consecutive(self) -> None:
        if self.channel is not None and self.channel.frames:
            numbers = [frame.sequence for frame in self.channel.frames]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert len(numbers) <= ring.RING_FRAMES

    def teardown(self) -> None:
        """Left alone, everybody gets everything that the table still has: nothing hangs, nothing is missing."""
        for n, client in enumerate(self.clients):
            for _ in range(300):
                self.connect(n)  # unless it is still connected
                self.look()
                self.answer()
                step = self._step(n)
                if step in (Do.OVER, Do.WAIT) and client.last == self.table.top:
                    break  # one that ended on an old look comes back, as browsers do
            assert client.last == self.table.top, f"stuck at {client.last} of {self.table.top}"
            assert client.over == self.table.over
            if not self.tails_lost:
                for sequence, writing in self.table.rows.items():
                    assert writing in client.seen or sequence in client.skipped


Delivery.TestCase.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
TestDelivery = Delivery.TestCase


def test_a_ring_never_outgrows_its_bytes() -> None:
    channel = Channel("s")
    channel.settle(0, False, [])
    for n in range(1, 40):
        channel.settle(n, False, [Frame(n, b"x" * 50_000)])
        assert sum(len(frame.body) for frame in channel.frames) == channel.bytes <= ring.RING_BYTES
    assert channel.after(0) is None
    assert [frame.sequence for frame in channel.after(36) or []] == [37, 38, 39]


def test_a_stale_hub_does_not_take_a_client_s_newer_id_for_a_gap() -> None:
    """The client was told 5 by another process, and this one has heard of 3 only."""
    channel = Channel("s")
    channel.settle(3, False, [Frame(n, b"") for n in (1, 2, 3)])
    cursor = Cursor(5, 5, channel)
    assert cursor.step(channel) is Do.WAIT
    channel.settle(6, False, [Frame(n, b"%d" % n) for n in (4, 5, 6)])
    assert cursor.step(channel) == Send(b"6", 1)


def test_a_stale_hub_does_not_end_a_stream_that_was_retried() -> None:
    channel = Channel("s")
    channel.settle(3, True, [Frame(n, b"") for n in (1, 2, 3)])
    assert Cursor(3, 3, channel).step(channel) is Do.OVER
    assert Cursor(3, 4, channel).step(channel) is Do.WAIT


def test_what_came_while_a_pruned_history_was_read_is_no_part_of_the_gap() -> None:
    channel = Channel("s")
    channel.settle(9, False, [])
    cursor = Cursor(2, 9, channel)
    assert cursor.step(channel) is Do.READ  # … and the table has nothing above 2
    channel.settle(10, False, [Frame(10, b"10")])
    assert cursor.turn(None, channel) == (Gap(3, 10), None)
    assert cursor.step(channel) == Send(b"10", 1)
