"""Log lines for people and for machines. LOG_FORMAT chooses; both carry the correlation id."""

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

from bo1site.observability import correlation

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "correlation", "taskName"}


class Correlated(logging.Filter):
    """Puts the ids of the moment on the record, before it may wander to another thread."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.correlation = " ".join(f"{name}={value}" for name, value in correlation.current().items()) or "-"
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``message``, the ids, ``extra`` fields,
    and ``exception`` with its traceback. ``role`` and ``host`` come from the configuration."""

    def __init__(self, *, role: str = "", host: str = "") -> None:
        super().__init__()
        self._where = {"role": role, "host": host}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._where,
            "pid": os.getpid(),
            **correlation.current(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD and name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
