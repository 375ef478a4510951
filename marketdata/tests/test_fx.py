"""Exchange rates: reading them, looking them up, and markets in more than one currency."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, Invalid
from core.models import AuditEntry
from marketdata import selectors
from marketdata.domain.fx import RateTable, csv_rates, missing_range, rate_on
from marketdata.models import FxRate
from marketdata.services import markets
from marketdata.services.fx import fx_import
from marketdata.tests.factories import InstrumentFactory, bars_create, weekdays

TODAY = date(2024, 6, 1)
HEADER = "date,base,quote,rate\n"
DAYS = weekdays(date(2024, 1, 8), 5)


def imported(tmp_path, rows, **more):
    path = tmp_path / "rates.csv"
    path.write_text(HEADER + "".join(row + "\n" for row in rows))
    return fx_import(actor=None, path=path, today=TODAY, **more)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-06-02,EUR,USD,1.1", "2024-06-02 is in the future"),
        ("2024-01-08,EUR,EUR,1", "base and quote are two different currencies of three letters"),
        ("2024-01-08,EURO,USD,1", "base and quote are two different currencies of three letters"),
        ("2024-01-08,GBP,USD,0", "the rate is not above zero, or too large"),
        ("2024-01-08,GBP,USD,NaN", "the rate is not a finite number"),
        ("2024-01-08,EUR,USD,1.2", "EUR/USD of 2024-01-08 is there already, in row 2"),
    ],
)
def test_bad_rates_are_named(row, reason):
    with pytest.raises(Invalid) as refused:
        csv_rates(HEADER + "2024-01-08,EUR,USD,1.1\n" + row, today=TODAY)
    assert refused.value.details["rows"] == [{"row": 3, "reason": reason}]


def table(*pairs):
    return RateTable(tuple(day for day, _ in pairs), tuple(Decimal(rate) for _, rate in pairs))


def test_the_latest_of_either_direction_holds():
    direct, inverse = table((DAYS[0], "1.25"), (DAYS[2], "1.6")), table((DAYS[1], "0.5"), (DAYS[2], "0.4"))
    found = [rate_on(direct, inverse, day) for day in (date(2024, 1, 7), *DAYS[:4])]
    assert found == [None, Decimal("1.25"), Decimal(2), Decimal("1.6"), Decimal("1.6")]


@given(st.decimals(Decimal("0.0001"), Decimal(10_000), places=4))
def test_there_and_back_is_where_one_was(rate):
    turned = rate_on(table(), table((DAYS[0], rate)), DAYS[0])
    assert abs(turned * rate - 1) < Decimal("0.000001")


def test_the_first_missing_range_is_named():
    assert missing_range(DAYS, DAYS) is None
    assert missing_range([], DAYS) == (DAYS[0], DAYS[-1])
    assert missing_range([date(2024, 1, 5)], DAYS) is None
    assert missing_range([date(2024, 1, 2)], DAYS) == (date(2024, 1, 10), DAYS[-1])
    assert missing_range(DAYS[2:], DAYS) == (DAYS[0], DAYS[1])


@pytest.mark.django_db
def test_import_and_look_up(tmp_path, django_assert_num_queries):
    done = imported(tmp_path, ["2024-01-08,EUR,USD,1.1", "2024-01-09,eur,usd,1.2", "2024-01-09,USD,INR,83"])
    assert (done.pairs, done.rates, done.changed) == (("EUR/USD", "USD/INR"), 3, 3)
    assert FxRate.objects.first().source.startswith("rates.csv (sha256 ")
    assert AuditEntry.objects.get(action="fx.import").after["changed"] == 3
    assert selectors.fx_rate("EUR", "USD", date(2024, 1, 7)) is None
    with django_assert_num_queries(0):
        assert selectors.fx_rate("EUR", "USD", date(2024, 1, 8)) == Decimal("1.1")
        assert selectors.fx_rate("EUR", "USD", date(2024, 5, 1)) == Decimal("1.2")
        assert selectors.fx_rate("USD", "EUR", date(2024, 1, 8)) == Decimal("0.9090909091")
        assert selectors.fx_rate("JPY", "JPY", date(1990, 1, 1)) == 1
    assert selectors.fx_rate("EUR", "INR", date(2024, 1, 9)) is None
    assert imported(tmp_path, ["2024-01-08,EUR,USD,1.10"]).changed == 0
    assert imported(tmp_path, ["2024-01-08,EUR,USD,1.3"], source="Bank").changed == 1
    assert selectors.fx_rate("EUR", "USD", date(2024, 1, 8)) == Decimal("1.3")
    assert FxRate.objects.get(base="EUR", date="2024-01-08").source == "Bank"


@pytest.mark.django_db
def test_the_command(tmp_path, capsys):
    path = tmp_path / "rates.csv"
    path.write_text(HEADER + "2024-01-08,EUR,USD,1.1\n")
    call_command("import_fx", str(path), "--source", "Central bank")
    assert "EUR/USD: 1 rates, 2024-01-08 to 2024-01-08, 1 changed" in capsys.readouterr().out
    path.write_text(HEADER + "2024-01-08,EUR,USD,-1\n")
    with pytest.raises(CommandError, match="bad_rows"):
        call_command("import_fx", str(path))
    assert "row 2" in capsys.readouterr().err
    path.write_text(HEADER + "2024-01-08,EUR,USD,1\n")
    with pytest.raises(CommandError, match="bad_request"):
        call_command("import_fx", str(path), "--source", " ")


@pytest.mark.django_db
def test_a_market_in_two_currencies_needs_rates_of_all_its_days(tmp_path):
    for symbol, currency in (("AAA", "USD"), ("EEE", "EUR")):
        bars_create(InstrumentFactory(symbol=symbol, currency=currency), [(1, 1, 1, 1)] * 5)
    definition = {"start": "2024-01-08", "end": "2024-01-12", "symbols": ["AAA", "EEE"], "warmup_days": 0}

    def make():
        return markets.market_create_replay(actor=None, slug="m", name="M", definition=definition)

    imported(tmp_path, ["2024-01-02,EUR,USD,1.1"])
    with pytest.raises(Invalid) as refused:
        make()
    assert refused.value.code == "fx_missing"
    assert refused.value.details == {
        "field": "symbols",
        "pair": "EUR/USD",
        "from": "2024-01-10",
        "to": "2024-01-12",
    }
    imported(tmp_path, ["2024-01-10,USD,EUR,0.9"])
    market = make()
    assert market.currency == "USD"
    assert [item.currency for item in selectors.listings(market.id)] == ["USD", "EUR"]
    with pytest.raises(Conflict) as taken:
        imported(tmp_path, ["2024-01-10,EUR,USD,1.3"])
    assert taken.value.code == "rates_in_use"
    assert imported(tmp_path, ["2024-03-01,EUR,USD,1.3", "2024-01-10,GBP,USD,1.3"]).changed == 2
    markets.market_end(actor=None, market_id=market.id)
    assert imported(tmp_path, ["2024-01-10,EUR,USD,1.3"]).changed == 1
