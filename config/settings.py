"""Settings, read once from the environment through django-environ. The environment is read nowhere else.

Every variable, its default and its meaning is listed in docs/configuration.md.
"""

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

from accounts.domain.push_hosts import PUSH_HOSTS as PUSH_SERVICES
from core import logs
from core.local_secret import local_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")


def origins(raw: str) -> list[str]:
    """Read CORS_ORIGINS in its three formats: comma list, JSON array, or a single origin."""
    raw = raw.strip()
    if raw.startswith("["):
        return [str(item).rstrip("/") for item in json.loads(raw)]
    return [item.strip().rstrip("/") for item in raw.split(",") if item.strip()]


EMBEDDED = env.bool("ARENA_EMBEDDED", default=False)
# With no environment at all this is a local installation; anything configured is production until it says DEBUG.
DEBUG = env.bool("DEBUG", default=EMBEDDED or "DATABASE_URL" not in env.ENVIRON)
DATA_DIR = Path(env.str("ARENA_DATA_DIR", default=str(BASE_DIR / ".data")))
SECRET_KEY = env.str("SECRET_KEY", default="") or (
    local_secret(DATA_DIR / "secret-key") if DEBUG else env.str("SECRET_KEY")
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://arena@127.0.0.1:5432/arena")}
DATABASES["default"] |= {
    "ENGINE": "core.postgres",
    "ATOMIC_REQUESTS": False,
    "CONN_MAX_AGE": env.int("DB_CONN_MAX_AGE", default=600),
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),
        "options": "-c statement_timeout=30000 -c idle_in_transaction_session_timeout=30000 -c lock_timeout=10000",
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "c"}
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "csp",
    "django_htmx",
    "django_structlog",
    "django_celery_beat",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "allauth.mfa",
    "anymail",
    "django_countries",
    "core",
    "accounts",
    "payments",
    "marketdata",
    "trading",
    "contests",
    "propfirm",
    "ai_strategies",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.RequestLogMiddleware",
    "core.middleware.BodyLimitMiddleware",
    "core.middleware.ApiAliasMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "core.middleware.FlagsMiddleware",
    # From here on only what carries a cookie, and pages.
    "core.middleware.ApiLaneMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SuspendedUserMiddleware",
    "accounts.middleware.PersonMiddleware",
    "accounts.middleware_impersonation.ImpersonationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.middleware.MissingPageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
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
                "core.context.site",
                "accounts.context.person",
            ],
            "builtins": ["core.templatetags.arena"],
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "accounts.validators.BreachedPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/sign-in"
PASSWORD_RESET_TIMEOUT = 3_600
CSRF_FAILURE_VIEW = "core.web.csrf_failure"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
# Avatars are served by a view of ours; identity documents and exports lie where no address leads.
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": env.str("PRIVATE_FILES_DIR", default="") or str(DATA_DIR / "private"),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

GOOGLE_CLIENT_ID = env.str("GOOGLE_CLIENT_ID", default="")
GOOGLE_CLIENT_SECRET = env.str("GOOGLE_CLIENT_SECRET", default="")

# Browser security. No inline script or style anywhere.
STREAM_PUBLIC_URL = env.str("STREAM_PUBLIC_URL", default="http://127.0.0.1:8001")
STREAM_MAX_CLIENTS = env.int("STREAM_MAX_CLIENTS", default=2_000)
STREAM_MAX_PER_ADDRESS = env.int("STREAM_MAX_PER_ADDRESS", default=40)
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "EXCLUDE_URL_PREFIXES": ["/api/", "/admin"],
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "worker-src": [SELF],
        "connect-src": [SELF, "{0.scheme}://{0.netloc}".format(urlsplit(STREAM_PUBLIC_URL))],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
        # A browser holds the redirect after a form to this as well.
        "form-action": [SELF, *(["https://accounts.google.com"] if GOOGLE_CLIENT_ID else [])],
        "object-src": [NONE],
    },
}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
SECURE_CONTENT_TYPE_NOSNIFF = True
# Whether all subdomains are served over TLS is not ours to promise.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
X_FRAME_OPTIONS = "DENY"
CORS_ALLOWED_ORIGINS = origins(env.str("CORS_ORIGINS", default=""))
CORS_ALLOW_ALL_ORIGINS = "*" in CORS_ALLOWED_ORIGINS
CORS_ALLOWED_ORIGINS = [] if CORS_ALLOW_ALL_ORIGINS else CORS_ALLOWED_ORIGINS
CORS_ALLOW_CREDENTIALS = not CORS_ALLOW_ALL_ORIGINS
CORS_URLS_REGEX = r"^/(api|v1)/"
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-csrftoken", "x-request-id"]
MAX_BODY_BYTES = env.int("MAX_BODY_BYTES", default=262_144)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
FLAGS_KEPT_SECONDS = 1.0
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", default=8_388_608)
# Where files may be sent: these take MAX_UPLOAD_BYTES instead.
UPLOAD_PATHS = (
    "/settings/profile/avatar",
    "/settings/identity/documents",
    "/api/v1/me/avatar",
    "/api/v1/me/identity/documents",
    "/admin/propfirm/economicevent/add/",
)
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_UPLOAD_BYTES

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ActiveJWTAuthentication",
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.ActiveSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "core.pagination.PagePagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "core.api.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "DEFAULT_THROTTLE_CLASSES": [
        "core.throttling.AnonThrottle",
        "core.throttling.UserThrottle",
        "core.throttling.ScopedThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.str("THROTTLE_ANON", default="300/min"),
        "user": env.str("THROTTLE_USER", default="1200/min"),
        "orders": env.str("THROTTLE_ORDERS", default="600/min"),
        "auth": env.str("THROTTLE_AUTH", default="20/min"),
        "codes": env.str("THROTTLE_CODES", default="6/hour"),
        "uploads": env.str("THROTTLE_UPLOADS", default="30/hour"),
        "comments": env.str("THROTTLE_COMMENTS", default="20/min"),
        "odds": env.str("THROTTLE_ODDS", default="30/min"),
        "exports": env.str("THROTTLE_EXPORTS", default="3/day"),
    },
    "NUM_PROXIES": env.int("NUM_PROXIES", default=int(BEHIND_PROXY)),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Trading Arena API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "People, agents and strategies trade under the same rules. Errors are {code, message, details}.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "TraderKind": "accounts.models.User.Kind",
        "UserStatus": "accounts.models.User.Status",
        "DataExportStatus": "accounts.models.DataExport.Status",
        "MarketKind": "marketdata.models.Market.Kind",
        "MarketStatus": "marketdata.models.Market.Status",
        "PaymentStatus": "payments.models.Payment.Status",
        "PayoutStatus": "payments.models.Payout.Status",
        "SubscriptionStatus": "payments.models.Subscription.Status",
        "RefundStatus": "payments.models.Refund.Status",
        "InvoiceKind": "payments.models.Invoice.Kind",
    },
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=env.int("JWT_ACCESS_TTL", default=900)),
    "REFRESH_TOKEN_LIFETIME": timedelta(seconds=env.int("JWT_REFRESH_TTL", default=2_592_000)),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "UPDATE_LAST_LOGIN": False,
    "ALGORITHM": "HS512",
    "AUDIENCE": "arena",
    "ISSUER": "arena",
    "SIGNING_KEY": env.str("JWT_SECRET", default="") or SECRET_KEY,
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# Mail: the first of these that is set up sends it; with none it stays on this machine, and /mailbox shows it locally.
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Trading Arena <arena@localhost>")
ANYMAIL = {
    "SENDGRID_API_KEY": env.str("SENDGRID_API_KEY", default=""),
    "SENDGRID_API_URL": env.str("SENDGRID_API_URL", default="https://api.sendgrid.com/v3/"),
    "POSTMARK_SERVER_TOKEN": env.str("POSTMARK_SERVER_TOKEN", default=""),
    "POSTMARK_API_URL": env.str("POSTMARK_API_URL", default="https://api.postmarkapp.com/"),
    "REQUESTS_TIMEOUT": 10,
}
if smtp := env.str("EMAIL_URL", default=""):
    vars().update({name: value for name, value in env.email_url_config(smtp).items() if name != "EMAIL_FILE_PATH"})
EMAIL_TIMEOUT = 10
MAILBOX_DIR = DATA_DIR / "mailbox"
MAIL_IS_LOCAL = not (smtp or ANYMAIL["SENDGRID_API_KEY"] or ANYMAIL["POSTMARK_SERVER_TOKEN"])
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="") or (
    "anymail.backends.sendgrid.EmailBackend"
    if ANYMAIL["SENDGRID_API_KEY"]
    else "anymail.backends.postmark.EmailBackend"
    if ANYMAIL["POSTMARK_SERVER_TOKEN"]
    else "django.core.mail.backends.smtp.EmailBackend"
    if smtp
    else "accounts.adapters.mailbox.MailboxBackend"
)

# Text messages, web push.
TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", default="")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", default="")
TWILIO_FROM = env.str("TWILIO_FROM", default="")
TWILIO_API_URL = env.str("TWILIO_API_URL", default="https://api.twilio.com")
VAPID_PUBLIC_KEY = env.str("VAPID_PUBLIC_KEY", default="")
VAPID_PRIVATE_KEY = env.str("VAPID_PRIVATE_KEY", default="")
VAPID_CONTACT = env.str("VAPID_CONTACT", default="")
PUSH_HOSTS = env.list("PUSH_HOSTS", default=list(PUSH_SERVICES))

# Payments: a provider serves once it has its keys. The sandbox moves no money; it is for machines without keys.
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
STRIPE_WEBHOOK_SECRETS = env.list("STRIPE_WEBHOOK_SECRET", default=[])
STRIPE_API_URL = env.str("STRIPE_API_URL", default="https://api.stripe.com")
RAZORPAY_KEY_ID = env.str("RAZORPAY_KEY_ID", default="")
RAZORPAY_KEY_SECRET = env.str("RAZORPAY_KEY_SECRET", default="")
RAZORPAY_WEBHOOK_SECRETS = env.list("RAZORPAY_WEBHOOK_SECRET", default=[])
RAZORPAY_X_ACCOUNT = env.str("RAZORPAY_X_ACCOUNT", default="")
RAZORPAY_API_URL = env.str("RAZORPAY_API_URL", default="https://api.razorpay.com")
SANDBOX_PAYMENTS = env.bool("SANDBOX_PAYMENTS", default=DEBUG)
PAYMENT_TIMEOUT = env.float("PAYMENT_TIMEOUT", default=10.0)
PAYMENT_CURRENCY = env.str("PAYMENT_CURRENCY", default="USD")
CHECKOUT_MINUTES = env.int("CHECKOUT_MINUTES", default=60)
WEBHOOK_TOLERANCE = env.int("WEBHOOK_TOLERANCE", default=300)
PLAN_API_RATES = env.bool("PLAN_API_RATES", default=True)
SUBSCRIPTION_GRACE_DAYS = env.int("SUBSCRIPTION_GRACE_DAYS", default=7)
PAYOUT_MINIMUM = env.int("PAYOUT_MINIMUM", default=1_000)
PAYOUT_DAILY_MAXIMUM = env.int("PAYOUT_DAILY_MAXIMUM", default=5_000_000)
PAYOUT_HOLD_HOURS = env.int("PAYOUT_HOLD_HOURS", default=24)
# A form of ours leads to the providers' pages: the redirect after it is held to this as well.
CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"] += [
    *([f"https://{name}.stripe.com" for name in ("checkout", "billing", "connect")] if STRIPE_SECRET_KEY else []),
    *([RAZORPAY_API_URL] if RAZORPAY_KEY_ID else []),
]
SELLER = env.json("SELLER", default={"name": "Trading Arena", "address": [], "tax_id": ""})

# People: where from (ISO 3166, "US" or "US-NY"), how old, how long things are kept. A country's header counts only when
# it is named here, because the proxy that sets it must also remove what a client sends.
BLOCKED_REGIONS = [code.strip().upper() for code in env.list("BLOCKED_REGIONS", default=[]) if code.strip()]
COUNTRY_HEADER = env.str("COUNTRY_HEADER", default="")
GEOIP_PATH = env.str("GEOIP_PATH", default="")
MIN_AGE = env.int("MIN_AGE", default=18)
DELETION_GRACE_DAYS = env.int("DELETION_GRACE_DAYS", default=30)
EXPORT_LINK_DAYS = env.int("EXPORT_LINK_DAYS", default=7)
RETENTION_DAYS = {
    "notifications": env.int("RETAIN_NOTIFICATIONS_DAYS", default=180),
    "sign_ins": env.int("RETAIN_SIGN_INS_DAYS", default=180),
    "sightings": env.int("RETAIN_SIGHTINGS_DAYS", default=90),
    "identity_documents": env.int("RETAIN_IDENTITY_DOCUMENTS_DAYS", default=365),
}
REQUIRE_STAFF_MFA = env.bool("REQUIRE_STAFF_MFA", default=not DEBUG)
# Encrypts what must be read again (second factors): the first key writes, all read.
FIELD_KEYS = [key for key in env.list("FIELD_KEYS", default=[]) if key] or [SECRET_KEY]

# django-allauth: its views at our own addresses and in our own templates (accounts/web/entrance.py, templates/account).
ACCOUNT_ADAPTER = "accounts.adapters.allauth.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapters.allauth.SocialAdapter"
MFA_ADAPTER = "accounts.adapters.factors.MfaAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_SESSION_REMEMBER = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_PROVIDERS = {
    "google": {
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": GOOGLE_CLIENT_SECRET}] if GOOGLE_CLIENT_ID else [],
        "SCOPE": ["profile", "email"],
        "AUTH_PARAMS": {"access_type": "online"},
        "OAUTH_PKCE_ENABLED": True,
    }
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Trading Arena"
# One code before and after: telephones run early or late.
MFA_TOTP_TOLERANCE = 1
MFA_TRUST_ENABLED = True
MFA_TRUST_COOKIE_AGE = timedelta(days=30)
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG
HEADLESS_ENABLED = False

# The arena (names as in the first brief).
DEFAULT_BALANCE = env.str("DEFAULT_BALANCE", default="1000000.00")
TRADING_INTERVAL_MINUTES = env.int("TRADING_INTERVAL_MINUTES", default=10)
HISTORY_DAYS = env.int("HISTORY_DAYS", default=7)
STOCK_POOL = env.list(
    "STOCK_POOL", default=["AAPL", "MSFT", "GOOGL", "AMZN", "NVDA", "META", "TSLA", "JPM", "V", "WMT"]
)

# Market data. DATA_SOURCE: auto (each vendor that has a key, in the order below, else the simulated exchange), a name,
# or a comma list in the order in which they are tried: polygon, alpaca, finnhub, alpha_vantage, replay, simulated.
DATA_SOURCE = [name.strip().lower() for name in env.list("DATA_SOURCE", default=["auto"]) if name.strip()] or ["auto"]
USE_HISTORICAL_AS_REALTIME = env.bool("USE_HISTORICAL_AS_REALTIME", default=False)
POLYGON_API_KEY = env.str("POLYGON_API_KEY", default="") or env.str("MASSIVE_API_KEY", default="")
POLYGON_REST_URL = env.str("POLYGON_REST_URL", default="https://api.polygon.io")
POLYGON_STREAM_URL = env.str("POLYGON_STREAM_URL", default="wss://socket.polygon.io")
POLYGON_REQUESTS_PER_MINUTE = env.int("POLYGON_REQUESTS_PER_MINUTE", default=300)
ALPACA_API_KEY = env.str("ALPACA_API_KEY", default="")
ALPACA_API_SECRET = env.str("ALPACA_API_SECRET", default="")
ALPACA_DATA_URL = env.str("ALPACA_DATA_URL", default="https://data.alpaca.markets")
ALPACA_TRADING_URL = env.str("ALPACA_TRADING_URL", default="https://paper-api.alpaca.markets")
ALPACA_STREAM_URL = env.str("ALPACA_STREAM_URL", default="wss://stream.data.alpaca.markets")
ALPACA_FEED = env.str("ALPACA_FEED", default="iex")
ALPACA_REQUESTS_PER_MINUTE = env.int("ALPACA_REQUESTS_PER_MINUTE", default=200)
FINNHUB_API_KEY = env.str("FINNHUB_API_KEY", default="")
FINNHUB_URL = env.str("FINNHUB_URL", default="https://api.finnhub.io/api/v1")
FINNHUB_STREAM_URL = env.str("FINNHUB_STREAM_URL", default="wss://ws.finnhub.io")
FINNHUB_REQUESTS_PER_MINUTE = env.int("FINNHUB_REQUESTS_PER_MINUTE", default=60)
ALPHA_VANTAGE_API_KEY = env.str("ALPHA_VANTAGE_API_KEY", default="")
ALPHA_VANTAGE_URL = env.str("ALPHA_VANTAGE_URL", default="https://www.alphavantage.co")
ALPHA_VANTAGE_REQUESTS_PER_MINUTE = env.int("ALPHA_VANTAGE_REQUESTS_PER_MINUTE", default=5)
# Seconds: a vendor's answer, a stream's silence before the next vendor takes over, how long a failing one rests.
VENDOR_TIMEOUT = env.float("VENDOR_TIMEOUT", default=8.0)
FEED_SILENCE_SECONDS = env.float("FEED_SILENCE_SECONDS", default=15.0)
VENDOR_REST_SECONDS = env.float("VENDOR_REST_SECONDS", default=60.0)
# How often the feed writes the board, and how far a price may be from the last one before it must be said again.
FEED_FLUSH_SECONDS = env.float("FEED_FLUSH_SECONDS", default=0.1)
FEED_JUMP_PERCENT = env.float("FEED_JUMP_PERCENT", default=50.0)
SIMULATED_SYMBOLS = env.int("SIMULATED_SYMBOLS", default=40)
SIMULATED_SEED = env.int("SIMULATED_SEED", default=7)
SIMULATED_QUOTES_PER_SECOND = env.int("SIMULATED_QUOTES_PER_SECOND", default=40)

LOGGING = logs.logging_config(
    level=env.str("LOG_LEVEL", default="INFO"),
    style=env.str("LOG_FORMAT", default="console" if DEBUG else "json"),
    debug=DEBUG,
)
logs.configure()
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = DJANGO_STRUCTLOG_CELERY_DEFAULT_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
DJANGO_STRUCTLOG_CELERY_ENABLED = True
