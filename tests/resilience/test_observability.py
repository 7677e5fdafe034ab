"""Figures, logs, health (MO1)."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from bo1site.observability import correlation, health, logs
from sessions.models import Event
from sessions.services.start import start


def lines(client: Client, **headers: str) -> dict[str, float]:
    text = client.get("/metrics", headers=headers).content.decode()
    rows = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in rows}


@pytest.mark.django_db
def test_metrics_say_what_the_board_does(client: Client, make_session: Any) -> None:
    make_session()
    figures = lines(client)
    assert figures['board_sessions{status="created"}'] == 1
    assert figures["board_queue_depth"] == 0
    assert figures["board_metrics_complete"] == 1
    for name in ("board_event_write_seconds_count", "board_stream_clients", "board_stream_gaps_total"):
        assert name in figures
    assert any(name.startswith("board_pool_in_use") for name in figures)
    assert any(name.startswith('board_breaker_state{name="postgresql"') for name in figures)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "rest", [b"", b"\x01", b"\xff\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00broken"], ids=["empty", "cut", "wild"]
)
def test_a_file_that_a_dying_process_left_half_written_takes_no_other_figure_away(
    rest: bytes, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: Any = MmapedDict(str(tmp_path / "counter_1.db"))  # type: ignore[no-untyped-call]
    whole.write_value(mmap_key("board_things", "board_things_total", (), (), "Things"), 7.0, 0.0)
    whole.close()
    (tmp_path / "counter_2.db").write_bytes(rest)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert lines(client)["board_things_total"] == 7


@pytest.mark.django_db
@override_settings(METRICS_TOKEN="a-token", METRICS_LOOPBACK=False)
def test_metrics_are_not_for_everybody(client: Client, user: Any, staff: Any) -> None:
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer a-token"}).status_code == 200
    client.force_login(user)
    assert client.get("/metrics").status_code == 403
    client.force_login(staff)
    assert client.get("/metrics").status_code == 200


@override_settings(METRICS_LOOPBACK=True)
@pytest.mark.django_db
def test_a_proxy_on_this_machine_does_not_open_the_metrics_to_the_world(client: Client) -> None:
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 403


@pytest.mark.django_db
def test_a_process_that_drains_is_live_and_not_ready(client: Client) -> None:
    assert client.get("/health/ready").status_code == 200
    health._draining.set()
    try:
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
    finally:
        health._draining.clear()


@pytest.mark.django_db
def test_health_in_detail_names_each_part(client: Client) -> None:
    parts = client.get("/health/detail").json()["parts"]
    assert parts["postgresql"]["state"] == "closed"
    assert parts["postgresql"]["pool"]["size"] >= 2
    assert parts["redis"]["state"] == "not configured"


def test_a_request_keeps_the_id_it_came_with(client: Client) -> None:
    assert client.get("/health/live", headers={"X-Request-ID": "proxy-1234567"})["X-Request-ID"] == "proxy-1234567"


def test_an_id_that_could_forge_log_lines_is_replaced(client: Client) -> None:
    given = client.get("/health/live", headers={"X-Request-ID": 'x" level=error'})["X-Request-ID"]
    assert len(given) == 32


@pytest.mark.django_db
def test_a_session_in_line_remembers_the_request_that_put_it_there(make_session: Any) -> None:
    session = make_session()
    with correlation.bound(correlation_id="request-12345"):
        start(session)
    assert Event.objects.get(session=session, type="session_queued").data["request"] == "request-12345"


def test_a_log_line_for_machines_is_one_json_object_with_its_ids() -> None:
    formatter = logs.JsonFormatter(role="web", host="h")
    record = logging.LogRecord("llm", logging.INFO, "f", 1, "answered %s", ("x",), None)
    record.seconds = 1.5
    with correlation.bound(correlation_id="abc", session_id="s1"):
        line = json.loads(formatter.format(record))
    assert (line["message"], line["correlation_id"], line["session_id"]) == ("answered x", "abc", "s1")
    assert (line["role"], line["seconds"], line["level"]) == ("web", 1.5, "info")
