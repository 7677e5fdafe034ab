"""Tables of other apps whose own admin would let staff do more than anybody meant.

django-q2's actions declare no permission, so whoever may look at tasks could run them again; and a schedule names any
importable function, so whoever may add one could run any code. API tokens are listed in plain text, so whoever may
look at them could act as anybody. The queue is shown here, read-only; tokens are not shown at all.
"""

from typing import Any

from django.contrib import admin
from django_q import admin as stock
from django_q.models import Failure, OrmQ, Schedule, Success
from rest_framework.authtoken.models import TokenProxy

from sessions.admin.base import ReadOnlyAdmin
from sessions.admin.counting import BoundedPaginator


class _ReadOnly:
    """Goes before a stock admin: its columns stay, its powers go."""

    actions: Any = None
    paginator = BoundedPaginator
    show_full_result_count = False
    has_add_permission = ReadOnlyAdmin.has_add_permission
    has_change_permission = ReadOnlyAdmin.has_change_permission
    has_delete_permission = ReadOnlyAdmin.has_delete_permission


class SuccessAdmin(_ReadOnly, stock.TaskAdmin):  # type: ignore[misc]
    pass


class FailureAdmin(_ReadOnly, stock.FailAdmin):  # type: ignore[misc]
    pass


class ScheduleAdmin(_ReadOnly, stock.ScheduleAdmin):  # type: ignore[misc]
    pass


class QueueAdmin(_ReadOnly, stock.QueueAdmin):  # type: ignore[misc]
    pass


for model, guarded in (
    (Success, SuccessAdmin),
    (Failure, FailureAdmin),
    (Schedule, ScheduleAdmin),
    (OrmQ, QueueAdmin),
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
    admin.site.register(model, guarded)
if admin.site.is_registered(TokenProxy):
    admin.site.unregister(TokenProxy)
