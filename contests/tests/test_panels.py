"""What a symbol's page says of contests."""

import pytest
from django.test import Client

from contests.tests.factories import contest, joined
from marketdata.models import Instrument

pytestmark = pytest.mark.django_db


def page(client: Client | None = None) -> str:
    return (client or Client()).get("/symbols/AAA").content.decode()


def test_open_contests_that_list_the_symbol_are_shown():
    contest(name="Running & open")
    contest(name="About to run", started=False)
    contest(name="Not this symbol", allowed_symbols=("BBB",))
    text = page()
    assert "Trade AAA" in text
    assert "Running &amp; open" in text
    assert "About to run" in text
    assert "Not this symbol" not in text


def test_a_masked_contest_does_not_tell_what_it_plays():
    contest(name="Masked one", market={"mask": True})
    assert "Masked one" not in page()
    assert "Trade AAA" not in page()


def test_a_private_contest_is_shown_to_who_takes_part():
    view = contest(name="Secret one", visibility="private", invite_code="secret")
    _, who = joined(view)
    assert "Secret one" not in page()
    from django.contrib.auth import get_user_model

    client = Client()
    client.force_login(get_user_model().objects.get(pk=who.user_id))
    assert "Secret one" in page(client)


def test_the_panel_asks_as_much_for_many_contests_as_for_one(django_assert_max_num_queries):
    for number in range(5):
        contest(name=f"Contest {number}")
    from contests.panels import contests_panel
    from marketdata.domain.symbol_panels import PanelRequest

    instrument = Instrument.objects.get(symbol="AAA")
    with django_assert_max_num_queries(2):
        panel = contests_panel(PanelRequest(instrument.pk, "AAA", None))
    assert panel is not None
    assert len(panel.context["contests"]) == 5
