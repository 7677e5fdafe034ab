"""Plans over HTTP: the same services as the pages, problems with stable codes."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from replanning.models import Action, Project, Replan, State
from replanning.services import offer
from sessions.models import Session
from sessions.services import tokens
from tests.api.test_schema import document, holds
from tests.replanning.conftest import finish, propose
from tests.replanning.test_faults import state

API = "/api/v1"
REVERSED = {"title": "x", "start_on": "2030-02-02", "due_on": "2030-01-01"}


def documented(method: str, path: str) -> Any:
    """The operation of the OpenAPI document that a request is one of."""
    bare = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "{id}", path.partition("?")[0])
    bare = re.sub(r"/dependencies/\d+$", "/dependencies/{number}", bare)
    return document()["paths"][bare][method.lower()]


class Caller:
    """A program with a token; ``send`` returns status and decoded body, held against the OpenAPI document."""

    def __init__(self, user: Any) -> None:
        self.client = Client(
            raise_request_exception=False, headers={"Authorization": f"Token {tokens.rotate(user).key}"}
        )

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.generic(method, API + path, data, content_type="application/json", headers=named)
        holds(answer, documented(method, API + path))
        return answer.status_code, json.loads(answer.content) if answer.content else None

    def get(self, path: str) -> tuple[int, Any]:
        return self.send("GET", path)

    def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return self.send("POST", path, body, **headers)


@pytest.fixture
def caller(user: Any) -> Caller:
    return Caller(user)


@pytest.fixture
def stranger(django_user_model: Any) -> Caller:
    return Caller(django_user_model.objects.create_user("mallory"))


def test_a_plan_from_decision_to_replan_through_the_api_alone(
    caller: Caller, completed: Callable[..., Session]
) -> None:
    session = completed(3)
    _, proposals = caller.get(f"/sessions/{session.pk}/proposals")
    choice = [{"proposal": proposals[0]["id"], "title": "Hire two first"}, {"proposal": proposals[1]["id"]}]
    status, report = caller.post(f"/sessions/{session.pk}/accept", {"actions": choice, "title": "Support"})
    assert status == 200, report
    assert [row["title"] for row in report["accepted"]] == ["Hire two first", "Step 2"]
    hire, train = (row["id"] for row in report["accepted"])
    assert caller.post(f"/actions/{train}/dependencies", {"predecessor": hire})[0] == 201
    status, moved = caller.post(f"/actions/{hire}/status", {"status": "blocked", "reason": "No budget"})
    assert (status, moved["status"], moved["replannable"]) == (200, "blocked", True)
    status, replan = caller.post(f"/actions/{hire}/replan", {"reason": "Cheaper, please"})
    assert (status, replan["stage"]) == (202, "live")
    assert caller.post(f"/actions/{hire}/replan")[1] == replan
    propose(Session.objects.get(pk=replan["session"]), 1, ("Borrow two people",))
    finish(replan["session"])
    offer.settle(replan["session"])
    status, report = caller.post(f"/replans/{replan['id']}/accept")
    assert (status, [row["title"] for row in report["accepted"]]) == (200, ["Borrow two people"])
    _, action = caller.get(f"/actions/{hire}/")
    assert (action["status"], action["moves"], action["replans"][0]["stage"]) == ("replanned", [], "accepted")
    _, history = caller.get(f"/actions/{hire}/history")
    assert history[0]["what"] == "accept_plan"
    _, project = caller.get(f"/projects/{report['project']['id']}/")
    assert project["actions_by_status"] == {"replanned": 1, "blocked": 1, "todo": 1}
    assert {link["kind"] for link in project["sessions"]} == {"created_from", "replanning"}


def test_bad_rows_are_named_and_good_ones_kept(caller: Caller, completed: Callable[..., Session]) -> None:
    session = completed(3)
    rows = [{"proposal": row["id"]} for row in caller.get(f"/sessions/{session.pk}/proposals")[1]]
    rows[1]["title"] = ""
    status, report = caller.post(f"/sessions/{session.pk}/accept", {"actions": rows})
    assert status == 200
    assert len(report["accepted"]) == 2
    assert [(row["index"], row["code"]) for row in report["rejected"]] == [(1, "required")]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/actions/{todo}/replan", None, 409, "not_replannable"),
        ("/actions/{todo}/status", {"status": "failed"}, 409, "illegal_action_change"),
        ("/actions/{todo}/status", {"status": "replanned"}, 400, "invalid_choice"),
        ("/actions/{todo}/status", {"status": "blocked"}, 400, "required"),
        ("/actions/{todo}/status", {"state": "blocked"}, 400, "unknown_field"),
        ("/actions/{todo}/dependencies", {"predecessor": "{todo}"}, 409, "cycle"),
        ("/actions/{todo}/dependencies", {"predecessor": "{project}"}, 400, "unknown_action"),
        ("/actions/{todo}/dependencies", {"predecessor": "{blocked}", "lag": 9000}, 400, "out_of_range"),
        ("/projects/{project}/actions/", {"title": "x" * 200}, 400, "too_long"),
        ("/projects/{project}/actions/", {"title": "x", "due_on": "2030-02-30"}, 400, "wrong_type"),
        (
            "/projects/{project}/actions/",
            {"title": "x", "start_on": "2030-02-02", "due_on": "2030-01-01"},
            400,
            "dates_reversed",
        ),
        ("/projects/{project}/sessions", {"session": "{todo}"}, 400, "unknown_session"),
        ("/sessions/{draft}/accept", None, 409, "no_plan_yet"),
        ("/replans/{todo}/accept", None, 404, "not_found"),
    ],
)
def test_every_refusal_is_a_problem_with_a_code_and_changes_nothing(
    caller: Caller,
    make_action: Callable[..., Action],
    make_session: Callable[..., Session],
    project: Project,
    path: str,
    body: Any,
    status: int,
    code: str,
) -> None:
    names = {
        "todo": make_action().pk,
        "blocked": make_action("Blocked", State.BLOCKED).pk,
        "project": project.pk,
        "draft": make_session().pk,
    }
    filled = {name: value.format(**names) if type(value) is str else value for name, value in (body or {}).items()}
    got, problem = caller.post(path.format(**names), filled)
    assert (got, problem["code"]) == (status, code), problem
    assert problem["hint"]
    assert problem["type"].endswith(f"/api/problems/#{code}")
    assert Action.objects.count() == 2
    assert not Replan.objects.exists()


def test_a_stranger_finds_nothing(
    stranger: Caller, caller: Caller, blocked: Action, completed: Callable[..., Session]
) -> None:
    session = completed()
    asked = caller.post(f"/actions/{blocked.pk}/replan")[1]["id"]
    before = state()
    for method, path in (
        ("GET", f"/projects/{blocked.project_id}/"),
        ("PATCH", f"/projects/{blocked.project_id}/"),
        ("POST", f"/projects/{blocked.project_id}/actions/"),
        ("GET", f"/actions/{blocked.pk}/"),
        ("PATCH", f"/actions/{blocked.pk}/"),
        ("POST", f"/actions/{blocked.pk}/replan"),
        ("POST", f"/actions/{blocked.pk}/status"),
        ("GET", f"/actions/{blocked.pk}/history"),
        ("POST", f"/actions/{blocked.pk}/dependencies"),
        ("DELETE", f"/actions/{blocked.pk}/dependencies/1"),
        ("GET", f"/projects/{blocked.project_id}/actions/"),
        ("POST", f"/projects/{blocked.project_id}/sessions"),
        ("GET", f"/replans/{asked}/"),
        ("POST", f"/replans/{asked}/accept"),
        ("POST", f"/replans/{asked}/decline"),
        ("GET", f"/sessions/{session.pk}/proposals"),
        ("POST", f"/sessions/{session.pk}/accept"),
    ):
        assert stranger.send(method, path, {})[0] == 404, path
    assert state() == before
    assert stranger.get("/projects/")[1]["results"] == []
    assert Client().get(f"{API}/projects/").status_code == 401


def test_staff_who_may_only_look_cannot_change(blocked: Action, django_user_model: Any) -> None:
    from django.contrib.auth.models import Permission

    looker = django_user_model.objects.create_user("lou", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_project"))
    caller = Caller(looker)
    assert caller.get(f"/actions/{blocked.pk}/")[0] == 200
    status, problem = caller.post(f"/actions/{blocked.pk}/replan")
    assert (status, problem["code"]) == (403, "forbidden")


def test_a_repeated_request_with_its_key_adds_one_action(caller: Caller, project: Project) -> None:
    first = caller.post(f"/projects/{project.pk}/actions/", {"title": "Once"}, Idempotency_Key="k1")
    assert caller.post(f"/projects/{project.pk}/actions/", {"title": "Once"}, Idempotency_Key="k1") == first
    assert Action.objects.count() == 1


def test_a_change_moves_the_dates_behind_it(caller: Caller, make_action: Callable[..., Action]) -> None:
    first, second = make_action("First"), make_action("Second")
    caller.send("PATCH", f"/actions/{second.pk}/", {"due_on": "2030-01-05"})
    caller.post(f"/actions/{second.pk}/dependencies", {"predecessor": str(first.pk), "lag": 1})
    status, _ = caller.send("PATCH", f"/actions/{first.pk}/", {"due_on": "2030-03-01", "progress": 30})
    assert status == 200
    assert caller.get(f"/actions/{second.pk}/")[1]["due_on"] == "2030-03-03"


def test_a_dependency_is_removed(caller: Caller, make_action: Callable[..., Action]) -> None:
    first, second = make_action("First"), make_action("Second")
    _, tie = caller.post(f"/actions/{second.pk}/dependencies", {"predecessor": str(first.pk)})
    assert caller.send("DELETE", f"/actions/{first.pk}/dependencies/{tie['id']}")[0] == 404
    assert caller.send("DELETE", f"/actions/{second.pk}/dependencies/{tie['id']}")[0] == 204
    assert caller.get(f"/actions/{second.pk}/")[1]["status"] == "todo"


def test_lists_are_paged_by_cursor(caller: Caller, project: Project, make_action: Callable[..., Action]) -> None:
    for number in range(5):
        make_action(f"Action {number}")
    _, page = caller.get(f"/projects/{project.pk}/actions/?limit=3")
    _, rest = caller.get(page["next"].partition(API)[2])
    assert [row["title"] for row in page["results"] + rest["results"]] == [f"Action {n}" for n in range(5)]
    assert caller.get("/projects/?status=archived")[1]["results"] == []


def test_the_schema_describes_every_operation_of_plans(caller: Caller) -> None:
    schema = json.loads(caller.client.get("/api/schema/?format=json").content)
    paths = [path for path in schema["paths"] if "/projects/" in path or "/actions/" in path or "/replans/" in path]
    assert len(paths) == 13
    assert "PlanAction" in schema["components"]["schemas"]
    assert "not_replannable" in str(schema["paths"][f"{API}/actions/{{id}}/replan"])
