"""Fixtures of payments."""

import pytest

from payments.domain import purchases
from payments.tests.kinds import Things
from payments.tests.razorpay_server import ACCOUNT, HOOK, KEY, SECRET, RazorpayServer


@pytest.fixture
def things():
    """The kind `thing`, for one test."""
    made = Things()
    purchases._kinds["thing"] = made
    yield made
    purchases._kinds.pop("thing", None)


@pytest.fixture
def razorpay(settings):
    server = RazorpayServer()
    settings.RAZORPAY_KEY_ID, settings.RAZORPAY_KEY_SECRET = KEY, SECRET
    settings.RAZORPAY_API_URL, settings.RAZORPAY_X_ACCOUNT = server.url, ACCOUNT
    settings.RAZORPAY_WEBHOOK_SECRETS = ["next-secret", HOOK]
    yield server
    server.close()
