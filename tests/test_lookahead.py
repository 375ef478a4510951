"""Nothing that can be read tells of a print that has not been yet: not the API, not a page, not a live channel."""

import json
import re

import numpy as np
import pytest
from django.conf import settings
from django.test import Client
from redis import Redis

from accounts.models import User
from contests.tests import factories as arena
from core.redis import client as redis_client
from marketdata.models import Instrument
from marketdata.tests.factories import MONDAY, InstrumentFactory, actions_create, advance, bars_create
from tests.authorization.world import routes
from trading.tests import factories as make

pytestmark = pytest.mark.django_db
API = "api/v1/"

# Day one is over; of day two only the open has printed. What comes is told by figures that occur nowhere else.
PAST = ("100", "104.25", "98", "102")
TODAY = ("103", "133.37", "77.31", "113.57")
LATER = ("155.91", "166.83", "144.71", "151.39")
# What takes effect on day three: a split, a dividend, another symbol; another instrument is gone.
ACTIONS = {
    "AAA": [("split", 2, "1.2347"), ("dividend", 2, "1.9173"), ("symbol_change", 2, 0, "WXYZ")],
    "BBB": [("delisting", 2, "7.4629")],
}
FUTURE = re.compile(
    r"133\.37|77\.31|113\.57|155\.91|166\.83|144\.71|151\.39|1333[67]|7731|11357|15591|16683|14471|15139"
    r"|1\.2347|1\.9173|WXYZ|7\.4629"
)


def loaded(symbols):
    """The instruments with their history, all of it in the database from the start."""
    for symbol in symbols:
        bars_create(InstrumentFactory(symbol=symbol), [PAST, TODAY, LATER])
        actions_create(Instrument.objects.get(symbol=symbol), ACTIONS.get(symbol, ()), start=MONDAY)


@pytest.fixture(params=["adjusted", "traded"])
def world(request, django_capture_on_commit_callbacks):
    loaded(["AAA", "BBB", "CCC"])
    with django_capture_on_commit_callbacks(execute=True):
        view = arena.contest(
            bars={symbol: [PAST, TODAY, LATER] for symbol in ("AAA", "BBB", "CCC")}, market={"basis": request.param}
        )
        account_id, who = arena.joined(view)
        agent_id, agent = arena.joined(view, kind="agent")
        advance(view.market_id)
        for account, actor in ((account_id, who), (agent_id, agent)):
            make.place(actor, account, "buy", 3)
            make.place(actor, account, "buy", 3, limit="90", time_in_force="gtc")
        advance(view.market_id, 4)
    arena.deliver()
    return view, account_id, agent_id, who


def address(route, *, account, slug):
    """An address of the API: what it names is of this account, this contest, this symbol, or the first there is."""
    route = route.replace("<int:account_id>", str(account)).replace("<slug:slug>", str(slug))
    route = re.sub(r"<(str|path):\w+>", "AAA", re.sub(r"<int:\w+>", "1", route))
    return "/" + re.sub(r"<uuid:\w+>", "00000000-0000-0000-0000-000000000000", route)


def assert_silent(what, text):
    # The fractions of a second at which something was written are any digits.
    text = re.sub(r"(\d\d:\d\d:\d\d)\.\d+", r"\1", text)
    found = FUTURE.search(text)
    assert found is None, (what, text[max(0, found.start() - 80) : found.end() + 20])


def test_the_api_and_the_pages_know_no_future(world):
    view, account_id, agent_id, who = world
    visitor, owner = Client(), Client()
    owner.force_login(User.objects.get(pk=who.user_id))
    seen = 0
    for method, route in (pair for pair in routes() if pair[1].startswith(API)):
        if method != "GET":
            continue
        for account in (account_id, agent_id):
            url = address(route, account=account, slug=f"contest-{view.slug}" if "markets" in route else view.slug)
            for client in (visitor, owner):
                asked = {"market": f"contest-{view.slug}", "limit": "1000", "days": "250"}
                for query in (asked, asked | {"adjusted": "false"}) if "history" in url else (asked,):
                    response = client.get(url, query)
                    seen += response.status_code == 200
                    assert_silent(url, response.content.decode())
    pages = ["", "contests", f"contests/{view.slug}", f"contests/{view.slug}/leaderboard", "account"]
    pages += [f"accounts/{agent_id}", f"accounts/{account_id}", f"markets/{view.market_id}/candles/AAA"]
    for page in pages:
        for client in (visitor, owner):
            response = client.get(f"/{page}")
            seen += response.status_code == 200
            assert_silent(page, response.content.decode())
    assert seen > 40
    preview = {"account_id": account_id, "symbol": "AAA", "side": "buy", "quantity": "1"}
    response = owner.post("/api/v1/orders/preview", json.dumps(preview), content_type="application/json")
    assert response.status_code == 200
    assert_silent("preview", response.content.decode())


def text_of(key):
    """A value as text: columns of numbers, of either width, as their figures."""
    raw = Redis.from_url(settings.REDIS_URL).get(key)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        widths = [kind for kind in ("<i4", "<i8") if len(raw) % int(kind[-1]) == 0]
        return " ".join(str(np.frombuffer(raw, dtype=kind).tolist()) for kind in widths)


def test_the_live_channels_and_the_board_know_no_future(world):
    seen = 0
    for key in redis_client().keys("*"):
        kind = redis_client().type(key)
        if kind not in ("stream", "hash", "string"):
            continue
        read = {
            "stream": lambda k: redis_client().xrange(k),
            "hash": redis_client().hgetall,
            "string": text_of,
        }
        text = re.sub(r"\d{13}-\d+", "", str(read[kind](key)))
        seen += '"last"' in text or "quotes" in text
        assert_silent(key, text)
    assert seen >= 2
