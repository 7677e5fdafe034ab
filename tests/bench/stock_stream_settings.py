"""The product's settings, with django-eventstream left as it comes."""

from bo1site.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.stock_stream"
MIDDLEWARE: list[str] = []
EVENTSTREAM_STORAGE_CLASS = "django_eventstream.storage.DjangoModelStorage"
EVENTSTREAM_CHANNELMANAGER_CLASS = "django_eventstream.channelmanager.DefaultChannelManager"
DATABASES["default"]["OPTIONS"]["pool"]["max_size"] = 110  # type: ignore[name-defined]  # noqa: F405
DATABASES["default"]["OPTIONS"]["application_name"] = "bench-stock"  # type: ignore[name-defined]  # noqa: F405
