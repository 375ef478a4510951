"""The stream process over real HTTP: uvicorn in a thread, Redis beside it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import uvicorn

from config import fanout, stream
from config.tests.browser import TIMEOUT, Browser
from core import heartbeat, push
from core.redis import client as redis_client


@pytest.fixture(scope="module")
def port():
    server = uvicorn.Server(uvicorn.Config(stream.application, port=0, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + TIMEOUT
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    stream._app.hub.close_listeners()
    server.should_exit = True
    thread.join(TIMEOUT)
    assert not thread.is_alive()


def publish(channel: str, *numbers: int, event: str = "tick") -> None:
    push._send([(channel, event, {"n": number}) for number in numbers])


def numbers(browser: Browser, count: int) -> list[int]:
    return [json.loads(browser.event()["data"])["n"] for _ in range(count)]


def test_events_arrive_as_they_are_published(port):
    with Browser(port, "market:1,contest:2") as browser:
        assert browser.response.status == 200
        assert browser.response.getheader("content-type") == "text/event-stream; charset=utf-8"
        assert browser.response.getheader("cache-control") == "no-store"
        ready = browser.event()
        assert (ready["event"], ready["retry"]) == ("ready", "2000")
        publish("market:1", 1)
        publish("market:3", 3)
        first = browser.event()
        assert (first["event"], first["data"]) == ("tick", '{"n":1}')
        publish("contest:2", 2, event="standings")
        second = browser.event()
        assert (second["event"], second["data"]) == ("standings", '{"n":2}')


def test_delivery_is_quick(port):
    with Browser(port, "market:1") as browser:
        browser.event()
        start = time.monotonic()
        for number in range(10):
            publish("market:1", number)
            assert numbers(browser, 1) == [number]
        assert time.monotonic() - start < 2


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_browser_that_comes_back_gets_what_it_missed(port, how):
    with Browser(port, "market:1,contest:1") as browser:
        browser.event()
        publish("market:1", 1, 2)
        browser.event()
        last = browser.event()["id"]
    publish("market:1", 3)
    publish("contest:1", 4)
    options = {"headers": {"Last-Event-ID": last}} if how == "header" else {"last_event_id": last}
    with Browser(port, "market:1,contest:1", **options) as browser:
        browser.event()
        assert numbers(browser, 2) == [3, 4]
        publish("market:1", 5)
        assert numbers(browser, 1) == [5]


def test_a_browser_that_missed_too_much_is_told(port):
    with Browser(port, "market:1") as browser:
        browser.event()
        publish("market:1", 1)
        last = browser.event()["id"]
    publish("market:1", *range(1000))
    with Browser(port, "market:1", last_event_id=last) as browser:
        assert browser.names(3) == ["ready", "overflow", "tick"]


@pytest.mark.parametrize("last", ["rubbish", "market:1=x-y", "market:9=1-1", "market:1=" + "9" * 60, "=,=,"])
def test_a_position_that_makes_no_sense_is_ignored(port, last):
    with Browser(port, "market:1", last_event_id=last) as browser:
        browser.event()
        publish("market:1", 1)
        assert numbers(browser, 1) == [1]


def test_a_position_in_the_future_is_put_right(port):
    publish("market:1", 1)
    with Browser(port, "market:1", last_event_id="market:1=99999999999999-0") as browser:
        assert browser.names(2) == ["ready", "overflow"]
        publish("market:1", 2)
        assert numbers(browser, 1) == [2]


def blocked():
    """The connections to this process's database that wait for news; those of other stream processes too."""
    server = redis_client()
    database = str(server.connection_pool.connection_kwargs["db"])
    return {each["id"] for each in server.client_list() if "b" in each["flags"] and each["db"] == database}


def test_many_browsers_share_one_reader(port):
    before = blocked()
    browsers = [Browser(port, "market:1") for _ in range(25)]
    try:
        for browser in browsers:
            browser.event()
        publish("market:1", *range(20))
        for browser in browsers:
            assert numbers(browser, 20) == list(range(20))
        assert len(blocked() - before) <= 1
    finally:
        for browser in browsers:
            browser.close()


def watched() -> dict[str, float]:
    return dict(redis_client().zrange("md:watched", 0, -1, withscores=True))


def test_quotes_share_one_stream_and_are_not_caught_up_on(port):
    publish("quote:7", 0, event="quote")
    with Browser(port, "quote:7,quote:8,market:1") as browser:
        ready = browser.event()
        assert "quote" not in ready["id"]
        publish("quote:9", 9, event="quote")
        publish("quote:7", 1, event="quote")
        first = browser.event()
        assert (first["event"], first["data"]) == ("quote", '{"n":1}')
        assert first["id"].startswith("market:1=")
        assert "quote" not in first["id"]
        publish("quote:8", 2, event="quote")
        assert numbers(browser, 1) == [2]
    assert redis_client().exists("sse:quotes") == 1
    assert redis_client().exists("sse:quote:7") == 0


def test_the_feed_is_told_which_instruments_are_watched(port, monkeypatch):
    redis_client().zadd("md:watched", {"1": time.time() - 60})
    now = time.time()
    with Browser(port, "quote:7,quote:12") as browser:
        browser.event()
        marks = {name: until for name, until in watched().items() if until > now}
        assert set(marks) == {"7", "12"}
        assert all(now + 20 < until < now + 40 for until in marks.values())
        redis_client().delete("md:watched")
        deadline = time.monotonic() + TIMEOUT
        while set(watched()) != {"7", "12"} and time.monotonic() < deadline:
            time.sleep(0.1)
        assert set(watched()) == {"7", "12"}


def test_more_instruments_than_the_process_may_watch_are_refused(port, monkeypatch):
    monkeypatch.setattr(fanout, "MAX_WATCHED", 2)
    with Browser(port, "quote:1,quote:2") as browser, Browser(port, "quote:2,quote:3") as refused:
        assert browser.response.status == 200
        assert refused.response.status == 503
        assert refused.json()["code"] == "stream_full"


def test_sixty_quote_channels_beside_eight_others(port):
    quotes = ",".join(f"quote:{number}" for number in range(60))
    others = ",".join(f"market:{number}" for number in range(8))
    with Browser(port, f"{quotes},{others}") as browser:
        browser.event()
        publish("quote:59", 5, event="quote")
        assert numbers(browser, 1) == [5]


@pytest.mark.parametrize(
    ("channels", "status", "code"),
    [
        (",".join(f"quote:{number}" for number in range(61)), 400, "channels_invalid"),
        ("quote:x", 400, "channel_unknown"),
        ("", 400, "channels_invalid"),
        ("market:x", 400, "channel_unknown"),
        (",".join(f"market:{number}" for number in range(9)), 400, "channels_invalid"),
        ("account:1", 403, "stream_token_invalid"),
        ("user:1", 403, "stream_token_invalid"),
    ],
)
def test_refusals(port, channels, status, code):
    with Browser(port, channels) as browser:
        assert browser.response.status == status
        assert browser.json()["code"] == code


def test_private_channels_need_a_token_that_covers_them(port):
    token = push.stream_token(["account:1"], 7)
    with Browser(port, "account:1,market:1", token=token) as browser:
        browser.event()
        publish("account:1", 1, event="fill")
        assert browser.event()["event"] == "fill"
    for channels, bad in (("account:2", token), ("account:1", token + "x"), ("account:1,account:2", token)):
        with Browser(port, channels, token=bad) as browser:
            assert browser.response.status == 403


def test_a_user_who_is_cut_off_hears_nothing_more(port):
    token = push.stream_token(["account:1"], 7)
    with Browser(port, "account:1", token=token) as browser, Browser(port, "market:1") as other:
        browser.event()
        push._cut(7)
        push._send([(push.user_channel(7), push.SIGNED_OUT, {})])
        assert browser.event() == {}
        other.event()
        publish("market:1", 1)
        assert numbers(other, 1) == [1]
    with Browser(port, "account:1", token=token) as browser:
        assert browser.response.status == 403
    push._allow(7)
    with Browser(port, "account:1", token=token) as browser:
        assert browser.response.status == 200


def test_after_a_sign_in_ended_only_new_tokens_count(port):
    old = push.stream_token(["account:1"], 7)
    with Browser(port, "account:1", token=old) as browser:
        browser.event()
        push._restart(7)
        push._send([(push.user_channel(7), push.SIGNED_OUT, {})])
        assert browser.event() == {}
    with Browser(port, "account:1", token=old) as browser:
        assert browser.response.status == 403
    with Browser(port, "account:1", token=push.stream_token(["account:1"], 7)) as browser:
        assert browser.response.status == 200
    with Browser(port, "account:2", token=push.stream_token(["account:2"], 8)) as browser:
        assert browser.response.status == 200


def test_origins(port, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://arena.example"]
    settings.ALLOWED_HOSTS = [".own.example", "*"]
    for origin, allowed in (
        ("https://arena.example", True),
        ("https://www.own.example", True),
        (f"http://127.0.0.1:{port}", True),
        ("https://evil.example", False),
        ("http://localhost:8000", False),
        ("null", False),
    ):
        with Browser(port, "market:1", headers={"Origin": origin}) as browser:
            assert browser.response.status == (200 if allowed else 403), origin
            assert browser.response.getheader("access-control-allow-origin") == (origin if allowed else None)
    settings.DEBUG = True
    assert stream.origin_allowed("http://localhost:8000", "x")
    assert not stream.origin_allowed("http://[::1", "x")


def streams(port) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    connection.request("GET", "/healthz")
    return json.loads(connection.getresponse().read())["streams"]


def wait_for_streams(port, count) -> None:
    deadline = time.monotonic() + TIMEOUT
    while streams(port) != count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert streams(port) == count


@pytest.mark.parametrize(("setting", "status"), [("STREAM_MAX_PER_ADDRESS", 429), ("STREAM_MAX_CLIENTS", 503)])
def test_limits_of_streams(port, settings, setting, status):
    wait_for_streams(port, 0)
    setattr(settings, setting, 2)
    with Browser(port, "market:1"), Browser(port, "market:1"), Browser(port, "market:1") as third:
        assert third.response.status == status
    wait_for_streams(port, 0)
    with Browser(port, "market:1") as again:
        assert again.response.status == 200


def test_a_quiet_stream_says_that_it_lives(port, monkeypatch):
    monkeypatch.setattr(stream, "COMMENT_SECONDS", 0.1)
    with Browser(port, "market:1") as browser:
        browser.event()
        assert browser.event() == {"": "alive"}


def connections_cut():
    """Cut all connections of this process's database but the one that asks; other test processes keep theirs."""
    server = redis_client()
    database, own = str(server.connection_pool.connection_kwargs["db"]), str(server.client_id())
    others = [item["id"] for item in server.client_list() if item["db"] == database and item["id"] != own]
    return sum(server.client_kill_filter(_id=each) for each in others)


def test_the_reader_survives_losing_redis(port):
    with Browser(port, "market:1") as browser:
        browser.event()
        publish("market:1", 1)
        assert numbers(browser, 1) == [1]
        assert connections_cut() >= 1
        publish("market:1", 2)
        assert numbers(browser, 1) == [2]


def test_it_gives_signs_of_life(port, monkeypatch):
    deadline = time.monotonic() + TIMEOUT
    while not heartbeat.alive("stream") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert heartbeat.alive("stream")


def test_the_process_stops_at_once_with_streams_open():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "config.stream:application",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen(command, env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings_test"})
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                browser = Browser(port, "market:1")
                break
            except ConnectionError:
                time.sleep(0.1)
        with browser:
            browser.event()
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert browser.event() == {}
            assert process.wait(TIMEOUT) in (0, -signal.SIGTERM)
            assert time.monotonic() - started < 3
    finally:
        process.kill()
        process.wait()
