"""The API under ``/api/``. Names live in the namespace ``api``."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from sessions.api import fallback
from sessions.api.export import Export
from sessions.api.token import OwnToken
from sessions.api.views import Events, SessionItem, Sessions, Start
from sessions.stream.view import stream

app_name = "api"

v1: list[URLPattern | URLResolver] = [
    path("sessions/", Sessions.as_view(), name="session-list"),
    path("sessions/<uuid:pk>/", SessionItem.as_view(), name="session-detail"),
    path("sessions/<uuid:pk>/start", Start.as_view(), name="session-start"),
    path("sessions/<uuid:pk>/events", Events.as_view(), name="session-events"),
    path("sessions/<uuid:pk>/export", Export.as_view(), name="session-export"),
    path("sessions/<uuid:pk>/stream", stream, name="session-stream"),
    path("token", OwnToken.as_view(), name="token"),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api:schema"), name="docs"),
    path("problems/", fallback.problems, name="problems"),
    re_path(r"^", fallback.not_found),
]
