"""Tells the web processes when somebody's right to read may have changed. A lost notice is made good by rechecks."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session as Login
from django.db import connection
from django.db.models.signals import m2m_changed, post_delete, post_save
from rest_framework.authtoken.models import Token

from sessions.events import CHANNEL
from sessions.models import Session


def announce(user_id: Any) -> None:
    """Have every web process check this user's streams again once the transaction commits (``*``: everybody's)."""
    _notify(f"access:{user_id}")


def _notify(payload: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])


def _user_saved(instance: Any, created: bool, update_fields: Any, **_: Any) -> None:
    if not created and set(update_fields or ()) != {"last_login"}:
        announce(instance.pk)


def _user_deleted(instance: Any, **_: Any) -> None:
    announce(instance.pk)


def _rights_changed(instance: Any, action: str, reverse: bool, **_: Any) -> None:
    if action.startswith("post_"):
        announce("*" if reverse or isinstance(instance, Group) else instance.pk)


def _token_gone(instance: Any, **_: Any) -> None:
    announce(instance.user_id)


def _login_gone(instance: Any, **_: Any) -> None:
    user_id = instance.get_decoded().get("_auth_user_id")
    if user_id:
        announce(user_id)


def _session_gone(instance: Any, **_: Any) -> None:
    _notify(f"look:{instance.pk}")


def connect() -> None:
    """Listen to the changes that Django announces. Called once, when the apps are ready."""
    user = get_user_model()
    post_save.connect(_user_saved, sender=user, dispatch_uid="stream-user-saved")
    post_delete.connect(_user_deleted, sender=user, dispatch_uid="stream-user-deleted")
    for through in (user.groups.through, user.user_permissions.through, Group.permissions.through):
        m2m_changed.connect(_rights_changed, sender=through, dispatch_uid=f"stream-rights-{through.__name__}")
    post_delete.connect(_token_gone, sender=Token, dispatch_uid="stream-token")
    post_delete.connect(_login_gone, sender=Login, dispatch_uid="stream-login")
    post_delete.connect(_session_gone, sender=Session, dispatch_uid="stream-session")
