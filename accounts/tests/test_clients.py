"""What a request says of its sender, and what it cannot make us believe."""

import pytest
from django.test import RequestFactory

from accounts.adapters.agents import UNKNOWN, agent_name
from accounts.clients import client_of, device_ensure
from accounts.tests import mmdb

CITY = {"country": {"iso_code": "DE"}, "city": {"names": {"en": "Berlin"}}}
COOKIE = "A" * 43


def request(path="/sign-in", cookie="", **meta):
    made = RequestFactory().get(path, **meta)
    if cookie:
        made.COOKIES["device"] = cookie
    return made


@pytest.fixture
def cities(tmp_path, settings):
    settings.GEOIP_PATH = mmdb.write(tmp_path / "city.mmdb", "GeoLite2-City", {"8.8.0.0/16": CITY})


def test_headers_that_are_not_configured_change_nothing(settings):
    spoofed = {"HTTP_X_FORWARDED_FOR": "9.9.9.9", "HTTP_CF_IPCOUNTRY": "KP", "HTTP_X_COUNTRY": "KP"}
    client = client_of(request(REMOTE_ADDR="8.8.8.8", **spoofed))
    assert (client.ip, client.country) == ("8.8.8.8", "")
    settings.COUNTRY_HEADER = "CF-IPCountry"
    assert client_of(request(REMOTE_ADDR="8.8.8.8", HTTP_X_COUNTRY="FR")).country == ""


def test_the_proxy_that_is_configured_is_believed(settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    settings.COUNTRY_HEADER = "CF-IPCountry"
    headers = {"HTTP_X_FORWARDED_FOR": "1.1.1.1, 9.9.9.9", "HTTP_CF_IPCOUNTRY": "de"}
    client = client_of(request(REMOTE_ADDR="10.0.0.1", **headers))
    assert (client.ip, client.country) == ("9.9.9.9", "DE")


@pytest.mark.parametrize("said", ["XX", "T1", "Germany", "D", "<b>", "ＤＥ"])
def test_a_country_that_is_none(settings, said):
    settings.COUNTRY_HEADER = "CF-IPCountry"
    assert client_of(request(REMOTE_ADDR="8.8.8.8", HTTP_CF_IPCOUNTRY=said)).country == ""


def test_places_from_a_database(cities):
    client = client_of(request(REMOTE_ADDR="8.8.8.8"))
    assert (client.country, client.city) == ("DE", "Berlin")
    assert client_of(request(REMOTE_ADDR="9.9.9.9")).country == ""
    assert client_of(request(REMOTE_ADDR="192.168.1.1")).country == ""
    assert client_of(request(REMOTE_ADDR="2001:4860:4860::8888")).country == ""


def test_a_header_that_differs_from_the_database_has_no_city(cities, settings):
    settings.COUNTRY_HEADER = "CF-IPCountry"
    client = client_of(request(REMOTE_ADDR="8.8.8.8", HTTP_CF_IPCOUNTRY="FR"))
    assert (client.country, client.city) == ("FR", "")


def test_a_database_of_countries_and_none_at_all(tmp_path, settings):
    settings.GEOIP_PATH = mmdb.write(tmp_path / "country.mmdb", "GeoLite2-Country", {"8.8.0.0/16": CITY})
    client = client_of(request(REMOTE_ADDR="8.8.8.8"))
    assert (client.country, client.city) == ("DE", "")
    settings.GEOIP_PATH = str(tmp_path / "missing.mmdb")
    assert client_of(request(REMOTE_ADDR="8.8.8.8")).country == ""
    (tmp_path / "bad.mmdb").write_bytes(b"no database")
    settings.GEOIP_PATH = str(tmp_path / "bad.mmdb")
    assert client_of(request(REMOTE_ADDR="8.8.8.8")).country == ""


def test_devices_are_known_by_a_keyed_hash(settings):
    first = client_of(request(cookie=COOKIE)).device
    assert (len(first), first) == (64, client_of(request(cookie=COOKIE)).device)
    assert COOKIE not in first
    assert client_of(request(cookie="B" * 43)).device != first
    settings.FIELD_KEYS = ["another"]
    assert client_of(request(cookie=COOKIE)).device != first


@pytest.mark.parametrize("cookie", ["", "short", "A" * 44, "A" * 42 + "!", "A" * 5_000])
def test_a_cookie_that_we_did_not_give_is_no_device(cookie):
    assert client_of(request(cookie=cookie)).device == ""


def test_programs_have_no_device():
    assert client_of(request("/api/v1/auth/token", cookie=COOKIE)).device == ""


def test_a_new_browser_gets_a_device_and_a_known_one_keeps_it():
    new, known = request(), request(cookie=COOKIE)
    device_ensure(new)
    device_ensure(known)
    assert client_of(new).device == client_of(request(cookie=new.device_new)).device != ""
    assert not hasattr(known, "device_new")


def test_what_an_agent_says_is_cut():
    assert len(client_of(request(HTTP_USER_AGENT="x" * 5_000)).user_agent) == 300
    assert client_of(request(HTTP_USER_AGENT="a\x00b")).user_agent == "ab"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Windows"),
        ("curl/8.0", "curl"),
        ("mybot/1.0 (+https://example.com)", "mybot"),
        ("", UNKNOWN),
        ("   ", UNKNOWN),
        ("/", UNKNOWN),
        ("/ x", UNKNOWN),
    ],
)
def test_agents_in_words(agent, name):
    assert agent_name(agent) == name
