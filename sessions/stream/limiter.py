"""Back-off for clients that reconnect too fast (SS5). Pure but for the clock it is given."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

#: Connections in a row that cost nothing; the longest wait in seconds; seconds that forgive one connection; the
#: highest count, so that everything is forgiven after MOST × DECAY seconds; clients remembered.
FREE, LONGEST, DECAY, MOST, CLIENTS = 4, 60, 10.0, 10, 20_000


@dataclass(slots=True)
class _Client:
    count: float = 0.0
    seen: float = 0.0
    closed_until: float = 0.0


class Limiter:
    """Counts connections per client. Each one beyond ``FREE`` doubles the wait, and time forgives them one by one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._clients: OrderedDict[Hashable, _Client] = OrderedDict()

    def attempt(self, client: Hashable) -> int:
        """Count a connection; return 0 when it may go ahead, else the whole seconds to wait before the next one."""
        now = self._clock()
        state = self._clients.setdefault(client, _Client(seen=now))
        self._clients.move_to_end(client)
        while len(self._clients) > CLIENTS:
            self._clients.popitem(last=False)
        state.count = min(MOST, max(0.0, state.count - (now - state.seen) / DECAY) + 1)
        state.seen = now
        refused = now < state.closed_until
        level = math.floor(state.count + 0.5)
        wait = min(LONGEST, 2 ** (level - FREE)) if level >= FREE else 0
        state.closed_until = now + wait
        return wait if refused else 0

    def waiting(self, client: Hashable) -> int:
        """The whole seconds until ``client`` may connect, without counting anything."""
        state = self._clients.get(client)
        return max(0, math.ceil(state.closed_until - self._clock())) if state else 0
