from django.apps import AppConfig


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

        eventstream.install()
        budget.register(read)
        metrics.register(figures.collect)
