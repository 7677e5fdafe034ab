from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class BoardConfig(AppConfig):
    """``sessions`` with a label of its own: ``sessions`` already names Django's login sessions."""

    name = "sessions"
    label = "board"
    verbose_name = "Board"

    def ready(self) -> None:
        from bo1site.observability import metrics
        from llm import budget
        from sessions import figures
        from sessions.services.budget import read
        from sessions.stream import eventstream

        post_migrate.connect(_take_over_release, sender=self)
        eventstream.install()
        budget.register(read)
        metrics.register(figures.collect)


def _take_over_release(*, using: str, **_: Any) -> None:
    """After a migration the catalogue holds what the release ships. An older schema may not have its table yet."""
    from django.db import connections

    from sessions.models import PersonaVersion
    from sessions.services.catalogue import take_over_release

    if using == "default" and PersonaVersion._meta.db_table in connections[using].introspection.table_names():
        take_over_release()
