"""Projects and the actions in them."""

from typing import Any
from uuid import UUID

from django.db.models import Count
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from replanning.api import inputs, outputs
from replanning.api.base import PlanView
from replanning.models import Project
from replanning.services import actions, projects
from sessions.api.base import body, parameters
from sessions.api.idempotency import once
from sessions.api.pagination import SessionCursor
from sessions.api.schema import IDEMPOTENCY, problems


class InOrder(SessionCursor):
    """By id, which is the order of creation."""

    ordering = "id"


class Projects(PlanView):
    @extend_schema(
        operation_id="projects_list",
        summary="Your projects, newest first",
        tags=["plans"],
        parameters=[inputs.ProjectsQuery],
        responses={200: outputs.ProjectPage, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        asked = parameters(inputs.ProjectsQuery, request)
        rows = Project.objects.visible_to(request.user)
        if "status" in asked:
            rows = rows.filter(status=asked["status"])
        return _page(SessionCursor(), rows, outputs.Project, request, self)

    @extend_schema(
        operation_id="projects_create",
        summary="Open a project",
        tags=["plans"],
        parameters=[IDEMPOTENCY],
        request=inputs.NewProject,
        responses={201: outputs.Project, **problems(400, 413, 415, 422)},
    )
    def post(self, request: Request) -> Response:
        def work() -> Response:
            given = body(inputs.NewProject, request).validated_data
            project = projects.create(request.user, given["title"], given["description"])
            return Response(outputs.Project(project, context={"request": request}).data, status=201)

        return once(request, work)


class ProjectItem(PlanView):
    @extend_schema(
        operation_id="projects_read",
        summary="A project with its sessions",
        tags=["plans"],
        responses={200: outputs.ProjectDetail, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return self._answer(self.readable_project(pk), request)

    @extend_schema(
        operation_id="projects_change",
        summary="Rename, pause, complete or archive a project",
        tags=["plans"],
        request=inputs.ProjectChanges,
        responses={200: outputs.ProjectDetail, **problems(400, 403, 404, 409, 413, 415)},
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        self.readable_project(pk)
        changes = dict(body(inputs.ProjectChanges, request).validated_data)
        return self._answer(projects.edit(pk, changes, actor=request.user), request)

    def _answer(self, project: Project, request: Request) -> Response:
        counts = project.actions.order_by().values_list("status").annotate(count=Count("pk"))
        project.actions_by_status = dict(counts)  # type: ignore[attr-defined]
        return Response(outputs.ProjectDetail(project, context={"request": request}).data)


class ProjectSessions(PlanView):
    @extend_schema(
        operation_id="projects_link",
        summary="Say that a session discusses the project",
        tags=["plans"],
        parameters=[IDEMPOTENCY],
        request=inputs.NewLink,
        responses={200: outputs.Link, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.readable_project(pk)

        def work() -> Response:
            given = body(inputs.NewLink, request).validated_data
            return Response(outputs.Link(projects.link(pk, given["session"], actor=request.user)).data)

        return once(request, work)


class ProjectActions(PlanView):
    @extend_schema(
        operation_id="projects_actions",
        summary="The actions of a project",
        tags=["plans"],
        parameters=[inputs.ActionsQuery],
        responses={200: outputs.ActionPage, **problems(400, 404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        rows = self.readable_project(pk).actions.all()
        asked = parameters(inputs.ActionsQuery, request)
        if "status" in asked:
            rows = rows.filter(status=asked["status"])
        return _page(InOrder(), rows, outputs.Action, request, self)

    @extend_schema(
        operation_id="projects_add_action",
        summary="Add an action",
        tags=["plans"],
        parameters=[IDEMPOTENCY],
        request=inputs.NewAction,
        responses={201: outputs.Action, **problems(400, 403, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.readable_project(pk)

        def work() -> Response:
            given = dict(body(inputs.NewAction, request).validated_data)
            action = actions.add(pk, given, actor=request.user)
            return Response(outputs.Action(action, context={"request": request}).data, status=201)

        return once(request, work)


def _page(pages: SessionCursor, rows: Any, schema: Any, request: Request, view: PlanView) -> Response:
    page: Any = pages.paginate_queryset(rows, request, view=view)
    results = schema(page, many=True, context={"request": request}).data
    return Response({"next": pages.get_next_link(), "previous": pages.get_previous_link(), "results": results})
