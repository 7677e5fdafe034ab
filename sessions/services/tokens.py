"""A person's API token: one each, made anew or taken away by its owner."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from rest_framework.authtoken.models import Token

from sessions.services.audit import record


def rotate(owner: Any) -> Token:
    """Give ``owner`` a new token; the old one stops working in the same moment."""
    with transaction.atomic():
        _lock(owner)
        replaced = Token.objects.filter(user=owner).delete()[0] > 0
        token: Token = Token.objects.create(user=owner)
        record(owner, "rotate_token" if replaced else "create_token", owner)
    return token


def revoke(owner: Any, *, actor: Any = None, reason: str = "") -> bool:
    """Take the token away; return whether there was one."""
    with transaction.atomic():
        _lock(owner)
        existed: bool = Token.objects.filter(user=owner).delete()[0] > 0
        if existed:
            record(actor or owner, "revoke_token", owner, reason=reason)
    return existed


def _lock(owner: Any) -> None:
    """One at a time: two rotations at once would otherwise both insert, and one would fail."""
    get_user_model()._default_manager.select_for_update(no_key=True).get(pk=owner.pk)
