"""Bounds of streaming, each with the setting that overrides it."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds. ``poll_up`` and ``poll_down``: how often to look at the table while LISTEN works and while
    it does not; ``slow``: how long a client may leave us unable to write; ``life``: the longest a stream lasts;
    ``recheck``: how often the right to read is checked again although nobody announced a change."""

    keepalive: float = 15.0
    retry_ms: int = 3000
    poll_up: float = 15.0
    poll_down: float = 1.0
    per_user: int = 50
    per_process: int = 5000
    slow: float = 30.0
    life: float = 3600.0
    recheck: float = 60.0

    @classmethod
    def from_settings(cls) -> "Limits":
        """``STREAM_KEEPALIVE_SECONDS``, ``STREAM_PER_USER``, ``STREAM_PER_PROCESS``, ``STREAM_SLOW_SECONDS``, …"""
        return cls(
            keepalive=settings.STREAM_KEEPALIVE_SECONDS,
            poll_up=settings.STREAM_POLL_UP_SECONDS,
            poll_down=settings.STREAM_POLL_DOWN_SECONDS,
            per_user=settings.STREAM_PER_USER,
            per_process=settings.STREAM_PER_PROCESS,
            slow=settings.STREAM_SLOW_SECONDS,
            life=settings.STREAM_LIFE_SECONDS,
            recheck=settings.STREAM_RECHECK_SECONDS,
        )
