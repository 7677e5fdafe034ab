"""The pages of plans. Names live in the namespace ``plan``."""

from django.urls import path

from replanning.views import acceptance, actions, projects

app_name = "plan"

urlpatterns = [
    path("projects/", projects.index, name="list"),
    path("projects/<uuid:pk>/", projects.project, name="project"),
    path("projects/<uuid:pk>/status/", projects.status, name="status"),
    path("actions/<uuid:pk>/", actions.action, name="action"),
    path("actions/<uuid:pk>/move/", actions.move, name="move"),
    path("actions/<uuid:pk>/replan/", actions.replan, name="replan"),
    path("actions/<uuid:pk>/tie/", actions.tie, name="tie"),
    path("actions/<uuid:pk>/untie/<int:number>/", actions.untie, name="untie"),
    path("sessions/<uuid:pk>/actions/", acceptance.session, name="accept"),
    path("replans/<uuid:pk>/plan/", acceptance.replan, name="accept_plan"),
    path("replans/<uuid:pk>/decline/", actions.decline, name="decline"),
]
