"""Settings for the test suite: the real ones, with fast hashing and no throttling surprises."""

import os
import re
import tempfile
from pathlib import Path

# Workers of pytest-xdist have a Redis database each, as they have a PostgreSQL database each by pytest-django.
if worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
    os.environ["REDIS_URL"] = re.sub(r"/\d+$", "", os.environ.get("REDIS_URL", "")) + f"/{int(worker) % 15 + 1}"

from config.settings import *  # noqa: F403
from config.settings import DATABASES, REST_FRAMEWORK

DEBUG = False
SECRET_KEY = "test-only-key-that-is-long-enough-for-hs512-signing-0123456789abcdef0123456789"  # noqa: S105
SIMPLE_JWT = {**globals()["SIMPLE_JWT"], "SIGNING_KEY": SECRET_KEY}
ALLOWED_HOSTS = ["*"]
# Transactional tests empty the tables; only this session may truncate the append-only ones (core/sql/ledger.sql).
DATABASES["default"]["OPTIONS"]["options"] += " -c arena.allow_truncate=on"
SECURE_SSL_REDIRECT = False
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", "django.contrib.auth.hashers.Argon2PasswordHasher"]
# Files that tests send; another folder for each run.
MEDIA_ROOT, PRIVATE = Path(tempfile.mkdtemp(prefix="arena-media-")), tempfile.mkdtemp(prefix="arena-private-")
MAILBOX_DIR = Path(tempfile.mkdtemp(prefix="arena-mailbox-"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "private": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": PRIVATE}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
CELERY_TASK_ALWAYS_EAGER = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "100000/min")
ACCOUNT_RATE_LIMITS = PLAN_API_RATES = False
REQUIRE_STAFF_MFA = False
FLAGS_KEPT_SECONDS = 3_600.0
