"""``/metrics``: the figures of every process of this host, for Prometheus.

Processes write theirs into files below ``METRICS_DIR`` (prometheus_client's multiprocess mode); the web process that
is asked adds them up. Figures that come from the database are read at the moment of asking, by collectors that the
apps register.
"""

import contextlib
import glob
import hmac
import json
import logging
import os
import re
import struct
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

log = logging.getLogger(__name__)

Collector = Callable[[], Iterable[Metric]]
_collectors: list[Collector] = []


def register(collector: Collector) -> None:
    """Have ``collector`` called at every scrape. It may raise: the other figures are delivered all the same."""
    if collector not in _collectors:
        _collectors.append(collector)


@require_safe
def view(request: HttpRequest) -> HttpResponse:
    if not _allowed(request):
        hint = "Sign in as staff, send “Authorization: Bearer <METRICS_TOKEN>”, or ask from this machine."
        return JsonResponse({"status": 403, "code": "forbidden", "detail": hint}, status=403)
    return HttpResponse(render(), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def render() -> bytes:
    """Everything in Prometheus' text format."""
    asked = CollectorRegistry()
    asked.register(_Asked())
    return generate_latest(_processes()) + generate_latest(asked)


def _processes() -> CollectorRegistry:
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    if not directory:
        return REGISTRY
    _forget_dead(directory)
    registry = CollectorRegistry()
    registry.register(_Readable(None, directory))  # type: ignore[no-untyped-call]
    return registry


class _Readable(MultiProcessCollector):
    """Leaves out what cannot be read: the file of a process that is only just starting, or was killed while it wrote.

    The stock collector raises, so that one such file takes away all figures, for as long as it lies there.
    """

    def collect(self) -> Iterable[Metric]:
        for _ in range(3):
            files = [path for path in glob.glob(os.path.join(self._path, "*.db")) if _readable(path)]
            with contextlib.suppress(OSError, ValueError, struct.error, RuntimeError):  # it changed since we looked
                found: Iterable[Metric] = self.merge(files, accumulate=True)  # type: ignore[no-untyped-call]
                return list(found)
        log.warning("figures of processes cannot be read in %s", self._path)
        return []


def _readable(path: str) -> bool:
    try:
        for key, *_ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
            json.loads(key)
    except (OSError, ValueError, struct.error, RuntimeError) as error:
        log.info("the figures in %s are left out: %s", path, error)
        return False
    return True


def _forget_dead(directory: str) -> None:
    """The dead have no open streams and no pools; what they counted still counts."""
    pids = {
        int(found[1])
        for path in glob.glob(os.path.join(directory, "gauge_live*_*.db"))
        if (found := re.search(r"_(\d+)\.db$", path))
    }
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with contextlib.suppress(FileNotFoundError):  # another scrape was quicker
                mark_process_dead(pid, directory)  # type: ignore[no-untyped-call]
        except PermissionError:
            pass  # alive, and not ours


class _Asked:
    def collect(self) -> Iterable[Metric]:
        complete = 1
        for collector in _collectors:
            try:
                yield from list(collector())
            except Exception as error:  # the database is away: exactly then the other figures are wanted
                complete = 0
                log.warning("figures of %s are missing: %s", collector.__module__, error)
        yield GaugeMetricFamily("board_metrics_complete", "0 while the figures from the database are missing", complete)


def _allowed(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return True
    if settings.METRICS_LOOPBACK and _from_here(request):
        return True
    try:
        user = getattr(request, "user", None)
        return bool(user is not None and user.is_active and user.is_staff)
    except Exception:
        return False  # the sign-in cannot be looked up


def _from_here(request: HttpRequest) -> bool:
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False  # through a proxy on this machine: the client is somebody else
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
