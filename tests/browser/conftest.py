"""A real browser against a real server and the real stream process, on a contest whose market the test steps."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from ai_strategies.services.agents import agent_create
from contests.domain.definition import ContestSpec
from contests.selectors import contest_get
from contests.services.contests import contest_create, contest_start
from core.money import Money
from marketdata.models import Instrument
from tests.browser.kept import made_once
from tests.browser.people import is_complaint
from trading.domain.types import Actor

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OPERATOR = Actor(user_id=None, is_staff=True, label="operator")
AGENTS = {
    "momentum": ("Momentum", "momentum"),
    "crossover": ("SMA crossover", "sma_crossover"),
    "holder": ("Buy and hold", "buy_and_hold"),
    "reverter": ("Mean reversion", "mean_reversion"),
    "breakout": ("Breakout", "breakout"),
    "dice": ("Random", "random"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if not Path(CHROMIUM).exists():
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests. The database is used from the thread that Playwright's loop runs in."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def free_port() -> int:
    """A port nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class StreamProcess:
    """config.stream as its own process, which a test may end and start again."""

    def __init__(self, origin: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.origin = origin
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings_test", "CORS_ORIGINS": self.origin}
        command = [sys.executable, "-m", "uvicorn", "config.stream:application", "--port", str(self.port)]
        self.process = subprocess.Popen([*command, "--log-level", "warning"], cwd=ROOT, env=env)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the stream process did not start")

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)
            self.process = None


def spec(slug: str, **fields: Any) -> ContestSpec:
    """The definition of a contest of ten invented companies and all the agents."""
    return ContestSpec(
        slug=slug,
        name="House arena",
        description="Ten invented companies, four prints a day, against six coded agents.",
        market={
            "start": "2019-01-02",
            "end": "2020-12-30",
            "symbols": list(Instrument.objects.order_by("symbol").values_list("symbol", flat=True)[:10]),
            "seconds_per_tick": "3",
        },
        initial_balance=Money.of("1000000", "USD"),
        agent_interval_minutes=360,
        agents=tuple(AGENTS),
        is_featured=slug == "arena",
        **fields,
    )


@dataclass
class Site:
    """The running site, its contest, and the hand on the clock."""

    url: str
    slug: str
    market_slug: str
    stream: StreamProcess
    problems: list[str] = field(default_factory=list)

    def step(self, ticks: int = 1) -> None:
        """Play prints; the agents take their turns at once."""
        call_command("market_step", self.market_slug, str(ticks), verbosity=0)

    def schedule_another(self) -> None:
        """A contest that starts in an hour, at /contests/later."""
        contest_create(
            actor=OPERATOR, spec=spec("later", starts_at=datetime.now(tz=UTC) + timedelta(hours=1)), schedule=True
        )

    def watch(self, page: Page) -> None:
        """Collect what the browser complains about: script errors, CSP violations, failed requests."""

        def console(message: ConsoleMessage) -> None:
            answers = {404: "/nowhere", 422: "/orders"}
            where = message.location.get("url", "")
            expected = any(f"status of {status}" in message.text and path in where for status, path in answers.items())
            if message.type == "error" and not expected:
                self.problems.append(f"{page.url}: {message.text}")

        page.on("console", console)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))


def build_arena() -> None:
    """Ten invented companies and six agents, forty prints old."""
    call_command("generate_demo_history", verbosity=0)
    for seed, (key, (name, strategy)) in enumerate(AGENTS.items()):
        agent_create(actor=None, key=key, name=name, strategy=strategy, seed=seed)
    contest = contest_create(actor=OPERATOR, spec=spec("arena"), schedule=True)
    contest_start(actor=OPERATOR, contest_id=contest.id)
    call_command("market_step", contest.market_slug, "40", verbosity=0)


@pytest.fixture(scope="package")
def stream_process(live_server) -> Iterator[StreamProcess]:
    """One stream process for the tests here; one that a test ended starts again for the next."""
    process = StreamProcess(live_server.url)
    yield process
    process.stop()


@pytest.fixture
def stream(stream_process, settings) -> StreamProcess:
    """The running stream process, as the site tells its pages of it."""
    settings.STREAM_PUBLIC_URL = stream_process.url
    policy = settings.CONTENT_SECURITY_POLICY
    directives = {**policy["DIRECTIVES"], "connect-src": ["'self'", stream_process.url]}
    settings.CONTENT_SECURITY_POLICY = {**policy, "DIRECTIVES": directives}
    if stream_process.process is None:
        stream_process.start()
    return stream_process


@pytest.fixture
def site(transactional_db, live_server, stream) -> Site:
    """A contest of ten invented companies and six agents, forty prints old."""
    made_once("arena", build_arena)
    contest = contest_get("arena")
    return Site(live_server.url, contest.slug, contest.market_slug, stream)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile at desktop size."""
    made = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def people(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Makes pages of different people; none tolerates a complaint in the console."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def opened() -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: complaints.append(line.text) if is_complaint(line) else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def shots() -> Path | None:
    """Where screenshots go: SCREENSHOT_DIR, or nowhere."""
    chosen = os.environ.get("SCREENSHOT_DIR")
    if not chosen:
        return None
    folder = Path(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
