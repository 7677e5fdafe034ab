"""How long an answer takes: OFFLINE_LATENCY, in seconds, as "0.5" or as a range "0.3-0.9" (uniform, by the seed)."""

from collections.abc import Mapping
from dataclasses import dataclass

from llm.offline.seeds import Dice


class LatencyError(ValueError):
    """OFFLINE_LATENCY cannot be read; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds, `low` to `high`."""

    low: float = 0.0
    high: float = 0.0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Latency":
        text = environ.get("OFFLINE_LATENCY", "").strip()
        if not text:
            return cls()
        low, _, high = text.partition("-")
        try:
            latency = cls(float(low), float(high or low))
        except ValueError:
            raise LatencyError(f'OFFLINE_LATENCY={text!r}: write seconds such as "0.5" or a range "0.3-0.9"') from None
        if not 0 <= latency.low <= latency.high <= 600:
            raise LatencyError(f"OFFLINE_LATENCY={text!r}: the range must rise and lie between 0 and 600 seconds")
        return latency

    def of(self, seed: str) -> float:
        if self.high == 0:
            return 0.0
        return Dice("latency", seed).between(self.low, self.high)
