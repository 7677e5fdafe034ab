from importlib.util import find_spec

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from bo1site.observability import health, metrics

urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("health/detail", health.detail, name="health-detail"),
    path("metrics", metrics.view, name="metrics"),
    path("login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
]
for prefix, module in (
    ("api/v1/", "replanning.api.urls"),  # before the board's, which answers for every other address under api/
    ("api/", "sessions.api.urls"),
    ("", "replanning.urls"),
    ("", "sessions.urls"),
):
    if find_spec(module):
        urlpatterns.append(path(prefix, include(module)))

handler500 = "bo1site.unavailable.server_error"
