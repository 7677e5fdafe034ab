"""The page on which people make their token. The token itself is shown once, right after it was made."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from rest_framework.authtoken.models import Token

from sessions.services import tokens

#: Where the fresh token waits between the POST and the page that shows it: on the server, never in a cookie.
FRESH = "fresh_api_token"


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        if request.POST.get("do") == "revoke":
            if tokens.revoke(request.user):
                messages.success(request, "Your token is gone. Programs that used it are signed out.")
        else:
            request.session[FRESH] = tokens.rotate(request.user).key
        return redirect("board:token")
    token = Token.objects.filter(user_id=int(request.user.pk or 0)).first()
    context = {"token": token, "ends_with": token.key[-4:] if token else "", "fresh": request.session.pop(FRESH, "")}
    return render(request, "board/token.html", context)
