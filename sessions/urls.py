from django.urls import path, re_path

from sessions.api import token_page
from sessions.views import control, decision, listing, resolution, session

app_name = "board"
_ID = "sessions/(?P<pk>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"

urlpatterns = [
    path("", listing.index, name="list"),
    path("new/", decision.new, name="new"),
    path("token/", token_page.page, name="token"),
    path("sessions/<uuid:pk>/", session.room, name="session"),
    path("sessions/<uuid:pk>/report/", session.report, name="report"),
    path("sessions/<uuid:pk>/left/", session.left, name="left"),
    path("sessions/<uuid:pk>/documents/<int:position>/", session.document, name="document"),
    re_path(rf"^{_ID}/export\.(?P<kind>md|json)$", session.download, name="export"),
    path("sessions/<uuid:pk>/decision/", resolution.decision, name="decision"),
    path("calibration/", resolution.calibration, name="calibration"),
    path("sessions/<uuid:pk>/start/", control.start, name="start"),
    path("sessions/<uuid:pk>/pause/", control.pause, name="pause"),
    path("sessions/<uuid:pk>/resume/", control.resume, name="resume"),
    path("sessions/<uuid:pk>/stop/", control.stop, name="stop"),
    path("sessions/<uuid:pk>/retry/", control.retry, name="retry"),
    path("sessions/<uuid:pk>/raise-cap/", control.raise_cap, name="raise-cap"),
    path("sessions/<uuid:pk>/answer/", control.answer, name="answer"),
    path("sessions/<uuid:pk>/review/", control.review, name="review"),
    path("sessions/<uuid:pk>/interject/", control.interject, name="interject"),
]
