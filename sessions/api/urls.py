"""The API under ``/api/``. Names live in the namespace ``api``."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from sessions.api import control, fallback
from sessions.api.export import Export
from sessions.api.personas import Personas
from sessions.api.resolution import Calibration, DecisionTaken, Outcome
from sessions.api.token import OwnToken
from sessions.api.views import Events, SessionItem, Sessions, Start
from sessions.stream.view import everybody, mine, stream

app_name = "api"

v1: list[URLPattern | URLResolver] = [
    path("sessions/", Sessions.as_view(), name="session-list"),
    path("sessions/<uuid:pk>/", SessionItem.as_view(), name="session-detail"),
    path("sessions/<uuid:pk>/start", Start.as_view(), name="session-start"),
    path("sessions/<uuid:pk>/pause", control.Pause.as_view(), name="session-pause"),
    path("sessions/<uuid:pk>/resume", control.Resume.as_view(), name="session-resume"),
    path("sessions/<uuid:pk>/kill", control.Kill.as_view(), name="session-kill"),
    path("sessions/<uuid:pk>/retry", control.Retry.as_view(), name="session-retry"),
    path("sessions/<uuid:pk>/checkpoints", control.Checkpoints.as_view(), name="session-checkpoints"),
    path("sessions/<uuid:pk>/answer", control.Answer.as_view(), name="session-answer"),
    path("sessions/<uuid:pk>/review", control.Review.as_view(), name="session-review"),
    path("sessions/<uuid:pk>/interject", control.Interject.as_view(), name="session-interject"),
    path("sessions/<uuid:pk>/decision", DecisionTaken.as_view(), name="session-decision"),
    path("sessions/<uuid:pk>/outcome", Outcome.as_view(), name="session-outcome"),
    path("calibration", Calibration.as_view(), name="calibration"),
    path("sessions/<uuid:pk>/events", Events.as_view(), name="session-events"),
    path("sessions/<uuid:pk>/export", Export.as_view(), name="session-export"),
    path("sessions/<uuid:pk>/stream", stream, name="session-stream"),
    path("sessions/stream", mine, name="overview-stream"),
    path("operations/stream", everybody, name="operations-stream"),
    path("personas/", Personas.as_view(), name="persona-list"),
    path("token", OwnToken.as_view(), name="token"),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api:schema"), name="docs"),
    path("problems/", fallback.problems, name="problems"),
    re_path(r"^", fallback.not_found),
]
