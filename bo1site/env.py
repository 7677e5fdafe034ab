"""Typed readers for environment variables that fail loudly and say what to do."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

N = TypeVar("N", int, float)
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


class Env:
    """Reads settings from a mapping of strings, normally ``os.environ``.

    Every reader takes a name and a default; a value that is present but unusable raises
    ``ImproperlyConfigured`` with the name, the value and an example of what would be accepted.
    """

    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = source

    def text(self, name: str, default: str = "") -> str:
        return self._source.get(name, default).strip()

    def flag(self, name: str, default: bool) -> bool:
        raw = self._source.get(name)
        if raw is None:
            return default
        word = raw.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise self._wrong(name, raw, "1 or 0 (also true/false, yes/no, on/off)")

    def integer(self, name: str, default: int, *, low: int | None = None, high: int | None = None) -> int:
        raw = self._source.get(name, "").strip()
        if not raw:
            return default
        try:
            value = int(raw)
        except ValueError:
            raise self._wrong(name, raw, f"a whole number such as {default}") from None
        return self._within(name, value, low, high)

    def number(self, name: str, default: float, *, low: float | None = None, high: float | None = None) -> float:
        raw = self._source.get(name, "").strip()
        if not raw:
            return default
        try:
            value = float(raw)
        except ValueError:
            raise self._wrong(name, raw, f"a number such as {default}") from None
        if value != value or value in (float("inf"), float("-inf")):
            raise self._wrong(name, raw, f"a finite number such as {default}")
        return self._within(name, value, low, high)

    def choice(self, name: str, default: str, among: tuple[str, ...]) -> str:
        value = self.text(name, default) or default
        if value not in among:
            raise self._wrong(name, value, " or ".join(among))
        return value

    def items(self, name: str, default: list[str]) -> list[str]:
        raw = self._source.get(name)
        if raw is None:
            return default
        return [part.strip() for part in raw.split(",") if part.strip()]

    def url(self, name: str, default: str = "", *, schemes: tuple[str, ...] = ("http", "https")) -> str:
        value = self.text(name, default)
        if value and (urlsplit(value).scheme not in schemes or not urlsplit(value).netloc):
            raise self._wrong(name, value, f"an address such as {schemes[0]}://host:port")
        return value.rstrip("/")

    @staticmethod
    def _wrong(name: str, raw: str, wanted: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"{name} is {raw!r}. Set it to {wanted}, or unset it to use the default.")

    def _within(self, name: str, value: N, low: N | None, high: N | None) -> N:
        if low is not None and value < low:
            raise self._wrong(name, str(value), f"a number of at least {low}")
        if high is not None and value > high:
            raise self._wrong(name, str(value), f"a number of at most {high}")
        return value


def database_from_url(url: str, *, name: str = "DATABASE_URL") -> dict[str, object]:
    """Django's DATABASES entry (without OPTIONS' pool) for a ``postgresql://`` URL.

    ``?host=/directory`` names a unix socket, as in libpq; other query parameters become connection options.
    Raises ``ImproperlyConfigured`` for another scheme or a missing database name; the password is never quoted.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"{name} has the scheme {parts.scheme!r}. Board of One needs PostgreSQL: postgresql://user:password@host:5432/name"
        )
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise ImproperlyConfigured(f"{name} names no database. Add it: postgresql://user:password@host:5432/name")
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or (parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
    }
