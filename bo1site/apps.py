from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "bo1site"
    label = "bo1site"
    verbose_name = "Board of One"

    def ready(self) -> None:
        from bo1site import checks  # noqa: F401  (registers the system checks)
        from bo1site.parts import register

        register()
