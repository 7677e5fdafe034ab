from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from bo1site.observability import health, metrics
from llm import urls as llm_urls

urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("health/detail", health.detail, name="health-detail"),
    path("metrics", metrics.view, name="metrics"),
    path("login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    # Before the board's API, which answers for every other address under api/.
    path("api/v1/", include("replanning.api.urls")),
    path("api/v1/", include((llm_urls.api, "llm-api"))),
    path("api/", include("sessions.api.urls")),
    path("", include((llm_urls.pages, "llm"))),
    path("", include("replanning.urls")),
    path("", include("sessions.urls")),
]

handler500 = "bo1site.unavailable.server_error"
