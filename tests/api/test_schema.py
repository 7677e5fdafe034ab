"""The OpenAPI document tells the truth: every operation is called, and every answer is held against it."""

import copy
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from io import StringIO
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from django.core.management import call_command
from django.urls import URLPattern, URLResolver
from drf_spectacular.generators import SchemaGenerator

from sessions import models
from sessions.api import urls
from sessions.models import Session, Status
from sessions.transitions import transition
from tests.conftest import PROBLEM
from tests.graph.test_review import REVIEW

OURS = {"sessions", "control", "token"}


@lru_cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if OURS & set(operation["tags"]):
                yield path, method, operation


def called(value: Any) -> str:
    return str(value["operationId"]) if isinstance(value, dict) else ""


def every(which: Callable[[str, dict[str, Any]], bool] = lambda path, operation: True) -> Any:
    """Run a test for every operation, or for ``which``."""
    chosen = [found for found in operations() if which(found[0], found[2])]
    return pytest.mark.parametrize(("path", "method", "operation"), chosen, ids=called)


def strict(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: ``nullable`` spelled out, and no field that is not documented."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(value) for name, value in schema.items() if name != "nullable"}
    if found.get("type") == "object" and isinstance(found.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") is True else found


def holds(answer: Any, operation: dict[str, Any]) -> None:
    """Assert that the document foresees this answer: status, media type and every field."""
    response = operation["responses"].get(str(answer.status_code))
    assert response, f"{answer.status_code} is not documented: {answer.content[:500]!r}"
    if not response.get("content"):
        assert answer.content == b""
        return
    media = answer["Content-Type"].partition(";")[0]
    assert media in response["content"], f"{media} is not documented"
    if media.endswith("json"):
        whole = {**strict(copy.deepcopy(response["content"][media]["schema"])), "components": _components()}
        jsonschema.validate(answer.json(), whole)


@lru_cache
def _components() -> Any:
    return strict(copy.deepcopy(document()["components"]))


def test_the_document_is_generated_without_a_warning() -> None:
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=StringIO())


def test_the_document_names_every_route_and_no_other() -> None:
    def routes(patterns: list[Any], prefix: str = "/api/") -> Iterator[str]:
        for entry in patterns:
            if isinstance(entry, URLResolver):
                yield from routes(entry.url_patterns, prefix + str(entry.pattern))
            elif isinstance(entry, URLPattern) and prefix == "/api/v1/":
                yield re.sub(r"<uuid:pk>", "{id}", prefix + str(entry.pattern))

    assert set(routes(urls.urlpatterns)) == {path for path, _, _ in operations()}


@every()
def test_a_stranger_is_told_to_sign_in(path: str, method: str, operation: Any, anybody: Any, problem: Any) -> None:
    answer = anybody.call(method.upper(), path.format(id=uuid4()))
    problem(answer, 401, "not_authenticated")
    holds(answer, operation)


@every(lambda path, _: "{id}" in path)
def test_a_malformed_id_is_not_found(path: str, method: str, operation: Any, caller: Any, problem: Any) -> None:
    problem(caller.call(method.upper(), path.format(id="nonsense")), 404, "not_found")


@every(lambda _, operation: "requestBody" in operation)
def test_bad_bodies_get_a_documented_answer(
    path: str, method: str, operation: Any, caller: Any, make_session: Any
) -> None:
    address = path.format(id=make_session().pk)
    for raw, type_, status in (
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"surely_no_field": 1}', "application/json", 400),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b'{"a": "' + b"x" * 2_000_000 + b'"}', "application/json", 413),
    ):
        answer = caller.post(address, raw=raw, type_=type_)
        assert answer.status_code == status, (raw[:40], answer.content)
        holds(answer, operation)


#: The stream answers without end; its own tests hold it to its contract.
@every(lambda path, _: not path.endswith("/stream"))
def test_the_answer_is_as_documented(
    path: str, method: str, operation: Any, caller: Any, full: Session, waiting: Session, shown: Session
) -> None:
    name = operation["operationId"]
    body, session = {
        "sessions_create": ({"problem_statement": PROBLEM, "options": ["A"], "cost_cap": "2.5"}, full),
        "sessions_answer": ({"answers": ["Friday"]}, waiting),
        "sessions_review": ({"max_rounds": 3, "parts": [{"position": 0, "veto": ["pre-mortem"]}]}, shown),
        "sessions_interject": ({"text": "The lease ends in May."}, full),
        "sessions_retry": ({"reason": "again"}, full),
        "sessions_kill": ({}, waiting),
        "sessions_pause": ({}, full),
        "sessions_resume": ({}, full),
        "sessions_start": (None, full),
        "sessions_decide": ({"decision": "We stay.", "followed": "yes"}, full),
        "sessions_outcome": ({"hindsight": "right", "outcome": "The rent fell.", "judged_on": "2026-03-02"}, full),
    }.get(name, (None, full))
    status = {"sessions_retry": "failed", "sessions_pause": "queued", "sessions_resume": "paused"}.get(name)
    if name in ("sessions_start", "sessions_interject"):
        status = "created"
    if name in ("sessions_decide", "sessions_outcome", "sessions_decision"):
        status = "completed"
    if status:
        Session.objects.filter(pk=session.pk).update(status=status)
    if name in ("sessions_outcome", "sessions_decision", "calibration_read"):
        models.Resolution.objects.create(
            session=full, decision="We stay.", followed="yes", decided_on="2026-03-01",
            hindsight="wrong", judged_on="2026-03-02",
        )  # fmt: skip
    address = path.format(id=session.pk)
    answer = caller.post(address, body) if method == "post" else caller.call(method.upper(), address)
    assert 200 <= answer.status_code < 300, answer.content
    holds(answer, operation)


@pytest.fixture
def waiting(make_session: Any) -> Session:
    session: Session = make_session()
    Session.objects.filter(pk=session.pk).update(status="running")
    transition(session.pk, Status.WAITING, data={"questions": ["By when?"], "interrupt_id": "i1"})
    return session


@pytest.fixture
def shown(make_session: Any) -> Session:
    """A session whose frame and board wait for their owner's yes."""
    session: Session = make_session()
    Session.objects.filter(pk=session.pk).update(status="running")
    transition(session.pk, Status.WAITING, data={"questions": [], "interrupt_id": "i2", "review": REVIEW})
    return session


@pytest.fixture
def full(make_session: Any) -> Session:
    """A failed session with something in every part of its room."""
    session: Session = make_session(options=["Move", "Stay"])
    said = {"session": session, "persona": "actuary", "name": "The actuary", "option": "Stay", "confidence": 0.7}
    models.Contribution.objects.create(key="c", round=1, claim="Rents", reasons=["a"], conditions=["b"], **said)
    models.Recommendation.objects.create(key="r", recommendation="Stay", reasons=["a"], conditions=["b"], **said)
    models.Assessment.objects.create(
        session=session, key="a", round=1, summary="s", convergence=0.5, novelty=0.5, conflict=0.5,
        open_questions=["q"], decision="go", reason="r",
    )  # fmt: skip
    models.Memo.objects.create(
        session=session, key="m", recommendation="Stay", confidence=0.7, confidence_basis="b", rationale="r",
        dissent={"persona": "p", "position": "q", "quote": "r"}, conditions=["c"], tripwires=["t"],
        option_reviews=[{"option": "Stay", "strengths": ["a"], "weaknesses": ["b"]}],
    )  # fmt: skip
    models.ActionProposal.objects.create(
        session=session, key="p", position=0, title="Call", what="w", due_in_days=3, priority="high", success="s"
    )
    models.SubProblem.objects.create(session=session, key="s", position=0, title="All", question="Where?")
    models.Seat.objects.create(session=session, key="s", persona="actuary", name="The actuary", method="m", reason="r")
    models.Checkpoint.objects.create(
        thread_id=str(session.pk), checkpoint_id="1f0", source="loop", step=1, body={}, metadata={}
    )
    failure = {"code": "overloaded", "message": "Busy.", "recoverable": True, "node": "debate", "attempt": 1}
    Session.objects.filter(pk=session.pk).update(status="failed", failure=failure)
    session.refresh_from_db()
    return session


def test_the_browser_and_the_document_are_served(anybody: Any) -> None:
    page = anybody.get("/api/docs/")
    assert page.status_code == 200
    assert b"swagger-ui" in page.content
    assert b"cdn" not in page.content.lower()
    assert anybody.get("/api/schema/")["Content-Type"].startswith("application/vnd.oai.openapi")


def test_every_documented_code_is_in_the_catalogue() -> None:
    from sessions.api.catalogue import CATALOGUE

    statuses = {str(kind.status) for kind in CATALOGUE.values()}
    for _, _, operation in operations():
        for status, response in operation["responses"].items():
            if "application/problem+json" in response.get("content", {}):
                assert status in statuses
                assert response["description"] != "Codes: "


def test_every_code_of_the_stream_is_in_the_catalogue() -> None:
    """It speaks for itself, outside DRF, and its problems lead to the same page."""
    from pathlib import Path

    from sessions import stream
    from sessions.api.catalogue import CATALOGUE

    source = "".join(path.read_text() for path in Path(str(stream.__file__)).parent.glob("*.py"))
    found = re.findall(r"(?:problem|refuse)\(\s*(\d{3}),\s*\"(\w+)\"", source)
    assert len(found) >= 6
    for status, code in found:
        assert CATALOGUE[code].status == int(status), code
