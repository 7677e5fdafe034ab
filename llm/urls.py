"""``pages`` belongs under the site's root, ``api`` under ``/api/v1/`` and before any catch-all there."""

from django.urls import URLPattern, path

from llm import views

app_name = "llm"

pages: list[URLPattern] = [path("status/", views.status_page, name="provider-status")]
api: list[URLPattern] = [path("providers", views.ProviderStatusView.as_view(), name="provider-status")]

urlpatterns = pages
