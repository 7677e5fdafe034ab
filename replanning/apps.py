from django.apps import AppConfig


class ReplanningConfig(AppConfig):
    name = "replanning"
    verbose_name = "Plans"

    def ready(self) -> None:
        from replanning import receivers

        receivers.connect()
