"""The pages of plans. Names live in the namespace ``plan``."""

from django.urls import URLPattern

app_name = "plan"

urlpatterns: list[URLPattern] = []
