"""The page and the API that tell how the providers are doing."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from llm.status import ProviderStatus, provider_status


@require_safe
@login_required
def status_page(request: HttpRequest) -> HttpResponse:
    response = render(request, "llm/status.html", {"providers": provider_status()})
    response["Cache-Control"] = "no-store"
    return response


class ProviderStatusSerializer(serializers.Serializer[ProviderStatus]):
    name = serializers.CharField()
    role = serializers.ChoiceField(["primary", "fallback", "unused"])
    state = serializers.ChoiceField(["available", "resting", "probing", "not_configured"])
    words = serializers.CharField(help_text="The state in a sentence")
    offline = serializers.BooleanField(help_text="True when the offline demo stands in for the provider")
    retry_in = serializers.FloatField(allow_null=True, help_text="Seconds until a resting provider is tried again")
    attempts = serializers.IntegerField(help_text="In the last hour")
    failed = serializers.IntegerField(help_text="In the last hour")
    latency = serializers.FloatField(allow_null=True, help_text="Mean seconds of successful attempts in the last hour")
    last_success = serializers.DateTimeField(allow_null=True)


class ProviderStatusView(APIView):
    """Whether the language models can be asked right now."""

    @extend_schema(responses=ProviderStatusSerializer(many=True), operation_id="provider_status")
    def get(self, request: Request) -> Response:
        rows: Any = provider_status()
        return Response(ProviderStatusSerializer(rows, many=True).data, headers={"Cache-Control": "no-store"})
