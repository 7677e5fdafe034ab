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
        base = cls()
        return cls(
            keepalive=getattr(settings, "STREAM_KEEPALIVE_SECONDS", base.keepalive),
            retry_ms=getattr(settings, "STREAM_RETRY_MS", base.retry_ms),
            poll_up=getattr(settings, "STREAM_POLL_UP_SECONDS", base.poll_up),
            poll_down=getattr(settings, "STREAM_POLL_DOWN_SECONDS", base.poll_down),
            per_user=getattr(settings, "STREAM_PER_USER", base.per_user),
            per_process=getattr(settings, "STREAM_PER_PROCESS", base.per_process),
            slow=getattr(settings, "STREAM_SLOW_SECONDS", base.slow),
            life=getattr(settings, "STREAM_LIFE_SECONDS", base.life),
            recheck=getattr(settings, "STREAM_RECHECK_SECONDS", base.recheck),
        )
