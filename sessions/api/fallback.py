"""Addresses of the API where nothing is, and the page that explains every code."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from sessions.api.catalogue import CATALOGUE
from sessions.api.problems import Problem, response


@csrf_exempt
def not_found(request: HttpRequest) -> JsonResponse:
    """A problem document instead of a page, naming the address that was probably meant."""
    other = request.path[:-1] if request.path.endswith("/") else f"{request.path}/"
    try:
        meant = resolve(other).func is not not_found
    except Resolver404:
        meant = False
    if meant:
        return response(request, Problem("not_found", hint=f"Did you mean {other}?"))
    return response(request, Problem("not_found", "There is nothing at this address.", hint="See /api/docs/."))


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """Every code with its status, meaning and remedy; the ``type`` of each problem leads here."""
    return render(request, "api/problems.html", {"kinds": sorted(CATALOGUE.items(), key=lambda item: item[1].status)})
