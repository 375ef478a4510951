"""Nothing private in the logs: what the mask finds, wherever it stands, and that it leaves the rest alone."""

import io
import json
import logging

import pytest
import redis
import structlog
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from core import logs
from core.privacy import MASK, is_private, masked, text_masked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail to ann@example.com failed", "mail to *** failed"),
        ("<Ann <ann.b+c@sub.example.co.uk>>", "<Ann <***>>"),
        ("called +49 151 2345-6789 twice", "called *** twice"),
        ("from 203.0.113.7:443, via 10.0.0.5 and 127.0.0.1", "from ***:443, via 10.0.0.5 and 127.0.0.1"),
        ("from 2001:db8::17 at 12:34:56", "from *** at 12:34:56"),
        ("Bearer abc.def-ghi", "Bearer ***"),
        ("token eyJhbGciOi.eyJ1c2VyIjox.c2ln is old", "token *** is old"),
        ("key ak_0123abcd_AbC-dEf_0123456789 refused", "key *** refused"),
        ("Authorization: ApiKey whatever it is", "Authorization: ***"),
        ("'Cookie': 'sessionid=abc; theme=dark'", "'Cookie': ***"),
        ("{'password': 'a b c', 'n': 1}", "{'password': ***, 'n': 1}"),
        ('{"new_password": "a b"}', '{"new_password": ***}'),
        ("argon2$argon2id$v=19$m=102400$c2FsdA$aGFzaA", MASK),
        ("GET /verify/MTI:1abc:xyz -> 200", "GET /verify/*** -> 200"),
        ("POST /password/reset/3-abcdef", "POST /password/reset/***"),
        ("https://example.com/x?email=a&token=b and on", "https://example.com/x?*** and on"),
        ("redis://user:secret@10.0.0.1:6379/0", "redis://10.0.0.1:6379/0"),
        ("Key (email)=(ann@example.com) already exists.", "Key (email)=(***) already exists."),
        ("Key (lower(name))=(Ann (the) Tester) already exists.", "Key (lower(name))=(***) already exists."),
        ("DETAIL:  Failing row contains (1, Ann, 1990-01-02, (x)).\nmore", "DETAIL:  Failing row contains (***)\nmore"),
        ('invalid input syntax for type inet: "Ann\'s"', 'invalid input syntax for type inet: "***"'),
        ("Command # 1 (SET a ann) of pipeline caused error: x", "Command # 1 (***) of pipeline caused error: x"),
    ],
)
def test_what_is_masked(text, expected):
    assert text_masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "order 12: buy 10 AAPL at 201.05, done in 3.5 ms",
        "retention: exports 3, sessions 1200",
        "2026-11-27T14:40:09.123456+00:00",
        "task core.tasks.outbox_drain[3f2c1c4e-7d3b-4c1e-9a52-0c9a5a1f9d21] failed",
        "requests are not limited: Redis does not answer",
        "why? because 1 + 1 = 2",
        "GET /api/v1/accounts/12/orders -> 200",
        "python 3.11.4.1.2, 192.168.1.20:5432",
        'File "/app/core/api.py", line 12, in post',
    ],
)
def test_what_is_left_alone(text):
    assert text_masked(text) == text


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "userEmail", "client-ip", "REMOTE_ADDR", "api_key", "X-Api-Key", "refresh_token",
     "display_name", "legalName", "HTTP_COOKIE", "phone", "session_key", "user_agent", "birth_date"],
)  # fmt: skip
def test_fields_that_are_private_by_name(name):
    assert is_private(name)


@pytest.mark.parametrize(
    "name", ["event", "status_code", "user_id", "name", "task", "request", "key", "market", "", "_"]
)
def test_fields_that_are_not(name):
    assert not is_private(name)


def test_values_are_masked_however_deep_they_lie():
    value = {"rows": [{"email": "x", "note": ("to ann@example.com", 5)}], "raw": b"ann", "error": ValueError("a@b.co")}
    assert masked(value) == {
        "rows": [{"email": MASK, "note": ["to ***", 5]}],
        "raw": "3 bytes",
        "error": "ValueError: ***",
    }
    deep: dict = {"email": "ann@example.com"}
    for _ in range(50):
        deep = {"in": deep}
    assert "ann@example.com" not in str(masked(deep))
    assert len(str(masked(["x" * 100_000] * 1_000))) < 200 * 21_000


@given(st.emails())
def test_every_address_is_masked(email):
    local = email.split("@")[0]
    text = text_masked(f"sent to {email} today")
    assert email not in text
    assert len(local) < 4 or local not in text


@given(
    st.integers(1, 9).flatmap(
        lambda first: st.text("0123456789", min_size=7, max_size=13).map(lambda rest: f"+{first}{rest}")
    )
)
def test_every_number_is_masked(number):
    assert number not in text_masked(f"sms to {number}, done")


@given(st.ip_addresses())
def test_every_public_address_is_masked(ip):
    text = text_masked(f"from {ip} today")
    assert (str(ip) in text) <= (ip.is_private or ip.is_loopback or ip.is_unspecified)


@given(st.text())
def test_any_text_can_be_masked_and_masking_again_changes_nothing_private(text):
    once = text_masked(text)
    assert isinstance(once, str)
    assert len(once) <= len(text) * 4 + 20


@pytest.fixture
def lines():
    """What our configuration would write as JSON, of everything from DEBUG on."""
    config = logs.logging_config(level="DEBUG", style="json", debug=True)
    shape = config["formatters"]["json"]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=shape["processors"], foreign_pre_chain=shape["foreign_pre_chain"]
        )
    )
    root = logging.getLogger("logs-under-test")
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)


def test_arguments_extras_and_tracebacks(lines):
    logger = logging.getLogger("logs-under-test")
    logger.info("signed up: %s", "ann@example.com", extra={"email": "ann@example.com", "status_code": 201})
    try:
        raise ValueError("no such person: ann@example.com from 203.0.113.9")
    except ValueError:
        logger.exception("failed for %s", {"password": "hunter2", "who": "ann@example.com"})
    first, second = lines()
    assert (first["event"], first["status_code"]) == ("signed up: ***", 201)
    assert second["event"] == "failed for {'password': ***, 'who': ***'}"
    assert "ValueError: no such person: *** from ***" in second["exception"]
    assert "test_logs.py" in second["exception"]


def test_structured_fields(lines):
    log = structlog.stdlib.get_logger("logs-under-test")
    log.warning("refused", client_ip="203.0.113.9", user_id=7, body={"a": 1}, nested={"token": "x", "n": [1]})
    (line,) = lines()
    assert (line["client_ip"], line["user_id"], line["body"]) == (MASK, 7, MASK)
    assert line["nested"] == {"token": MASK, "n": [1]}


@pytest.mark.django_db
def test_what_the_database_quotes(lines):
    logger = logging.getLogger("logs-under-test")
    statements = (
        "INSERT INTO accounts_user (email, display_name) VALUES ('ann@example.com', 'Ann Canary')",
        "SELECT 'Ann Canary'::inet",
        "SELECT 'Ann Canary'::integer",
    )
    for statement in statements:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        except DatabaseError:
            logger.exception("the database refused")
    found = lines()
    assert len(found) == 3
    assert "Ann Canary" in statements[0]
    assert "Ann Canary" not in json.dumps(found)
    assert "Failing row contains (***)" in found[0]["exception"]


def test_what_redis_quotes(lines):
    logger = logging.getLogger("logs-under-test")
    from core.redis import client

    pipe = client().pipeline(transaction=False)
    pipe.set("a-canary-key", "ann@example.com Ann-Canary")
    pipe.incr("a-canary-key")
    try:
        pipe.execute()
    except redis.RedisError:
        logger.exception("Redis refused")
    try:
        redis.Redis(host="127.0.0.1", port=1, password="hunter2-canary", socket_connect_timeout=0.2).ping()
    except redis.RedisError:
        logger.exception("Redis is not there")
    found = json.dumps(lines())
    assert "of pipeline" in found
    assert "canary" not in found.lower().replace("test_what_redis_quotes", "")


def test_clients_of_vendors_do_not_tell_what_they_send():
    config = logs.logging_config(level="DEBUG", style="json", debug=False)
    for name in ("twilio", "urllib3", "requests", "pywebpush"):
        assert config["loggers"][name]["level"] == "WARNING"
    assert config["loggers"]["django"]["level"] == "INFO"  # its SQL, with what is in it, is told at DEBUG
