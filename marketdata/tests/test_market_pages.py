"""The public market pages."""

from __future__ import annotations

import pytest
from django.test import Client

from marketdata.tests.factories import InstrumentFactory, bars_create

pytestmark = pytest.mark.django_db


@pytest.fixture
def aaa():
    instrument = InstrumentFactory(symbol="AAA", name="Alpha & Sons", sector="Energy")
    bars_create(instrument, [(100, 104, 98, 102), (102, 106, 101, 105), (105, 107, 99, 100)])
    return instrument


def test_smoke(aaa):
    for path in (
        "/markets",
        "/markets/pulse",
        "/symbols/AAA",
        "/search?q=al",
        "/search/suggest?q=aa",
        f"/markets/quotes?ids={aaa.pk}",
    ):
        answer = Client().get(path)
        assert answer.status_code == 200, path
