"""The API of plans, under ``/api/v1/``. Names live in the namespace ``plan_api``."""

from django.urls import path

from replanning.api import acceptance, actions, projects

app_name = "plan_api"

urlpatterns = [
    path("projects/", projects.Projects.as_view(), name="projects"),
    path("projects/<uuid:pk>/", projects.ProjectItem.as_view(), name="project"),
    path("projects/<uuid:pk>/sessions", projects.ProjectSessions.as_view(), name="project-sessions"),
    path("projects/<uuid:pk>/actions/", projects.ProjectActions.as_view(), name="project-actions"),
    path("actions/<uuid:pk>/", actions.ActionItem.as_view(), name="action"),
    path("actions/<uuid:pk>/status", actions.ActionStatus.as_view(), name="action-status"),
    path("actions/<uuid:pk>/replan", actions.ActionReplan.as_view(), name="action-replan"),
    path("actions/<uuid:pk>/history", actions.ActionHistory.as_view(), name="action-history"),
    path("actions/<uuid:pk>/dependencies", actions.ActionDependencies.as_view(), name="action-dependencies"),
    path("actions/<uuid:pk>/dependencies/<int:number>", actions.DependencyItem.as_view(), name="dependency"),
    path("sessions/<uuid:pk>/proposals", acceptance.Proposals.as_view(), name="proposals"),
    path("sessions/<uuid:pk>/accept", acceptance.Accept.as_view(), name="accept"),
    path("replans/<uuid:pk>/", acceptance.ReplanItem.as_view(), name="replan"),
    path("replans/<uuid:pk>/accept", acceptance.ReplanAccept.as_view(), name="replan-accept"),
    path("replans/<uuid:pk>/decline", acceptance.ReplanDecline.as_view(), name="replan-decline"),
]
