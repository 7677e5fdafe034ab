"""What the provider was asked: counted exactly, so that a test can say "this call was made once"."""

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass

from llm.offline.asking import Ask, Json

# Enough for the largest benchmark run to count its calls one by one, small enough to stay a few megabytes.
RECENT = 20_000
# Beyond this many different asks, new ones are no longer told apart.
MOST_DIGESTS = 200_000


@dataclass(slots=True)
class Record:
    """One request. `digest` is equal for equal asks; `outcome` is "answered", "refused" or the kind of a fault."""

    id: str
    provider: str
    at: float
    model: str = ""
    schema: str = ""
    digest: str = ""
    stream: bool = False
    outcome: str = "open"
    seconds: float = 0.0


class Statistics:
    def __init__(self) -> None:
        self._issued = 0
        self._in_flight = 0
        self.clear()

    def clear(self) -> None:
        """Forgets everything but what is still in flight."""
        self._requests: Counter[str] = Counter()
        self._schemas: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._digests: Counter[str] = Counter()
        self._recent: deque[Record] = deque(maxlen=RECENT)
        self._peak = self._in_flight

    def begin(self, provider: str) -> Record:
        self._issued += 1
        self._in_flight += 1
        self._peak = max(self._peak, self._in_flight)
        self._requests[provider] += 1
        record = Record(id=f"{self._issued:08d}", provider=provider, at=time.time())
        self._recent.append(record)
        return record

    def identify(self, record: Record, ask: Ask) -> None:
        """Notes what was asked, as soon as it has been read."""
        record.model, record.schema, record.digest, record.stream = ask.model, ask.title, ask.seed, ask.stream
        self._schemas[ask.title or "(prose)"] += 1
        if len(self._digests) < MOST_DIGESTS or ask.seed in self._digests:
            self._digests[ask.seed] += 1

    def end(self, record: Record, outcome: str) -> None:
        self._in_flight -= 1
        record.outcome = outcome
        record.seconds = round(time.time() - record.at, 4)
        self._outcomes[outcome] += 1

    def report(self, limit: int) -> Json:
        """Counts, and the last `limit` requests, newest last. `repeated` has the digests asked more than once."""
        recent = list(self._recent)[-limit:] if limit else []
        return {
            "total": sum(self._requests.values()),
            "requests": dict(self._requests),
            "schemas": dict(self._schemas),
            "outcomes": dict(self._outcomes),
            "in_flight": self._in_flight,
            "in_flight_peak": self._peak,
            "distinct": len(self._digests),
            "repeated": {key: times for key, times in self._digests.most_common(200) if times > 1},
            "recent": [asdict(record) for record in recent],
        }
