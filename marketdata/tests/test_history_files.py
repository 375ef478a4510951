"""Files of minutes and Parquet files: what is taken, what is refused whole, and where it came from."""

import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from marketdata.adapters.bars_copy import bars_copy
from marketdata.adapters.partitions import partitions_ensure
from marketdata.domain.minute_files import checked, lean_day, lean_minutes, minutes_csv
from marketdata.models import BarSeries, DailyBar, FeedEvent, Instrument, IntradayBar
from marketdata.selectors.candles import candles
from marketdata.tests.bars import seconds
from marketdata.tests.factories import InstrumentFactory

NEW_YORK, MICRO = ZoneInfo("America/New_York"), 1_000_000
HEADER = "timestamp,open,high,low,close,volume\n"
NOW = seconds(2026, 6, 1)


def read(text, zone=NEW_YORK):
    return np.concatenate(list(minutes_csv(StringIO(text), zone=zone))).tolist()


def test_times_of_every_spelling():
    at = seconds(2026, 3, 2, 14, 30)
    for when in (
        "2026-03-02 09:30",
        "2026-03-02T09:30:00",
        "2026-03-02T14:30Z",
        "2026-03-02 20:00:00+05:30",
        f"{at}",
        f"{at}000",
    ):
        assert read(f"{HEADER}{when},1.5,2,1.25,1.75,10\n") == [[at, 1_500_000, 2 * MICRO, 1_250_000, 1_750_000, 10]]
    text = "Volume,X,Close,Low,High,Open,DateTime\n5,,2,1,3,1.000001,2026-03-02 09:30\n\n"
    assert read(text) == [[at, 1_000_001, 3 * MICRO, MICRO, 2 * MICRO, 5]]


@pytest.mark.parametrize(
    "row",
    [
        "soon,1,1,1,1,1",
        "2026-03-02,NaN,1,1,1,1",
        "2026-03-02,1,1,1,1",
        "2026-03-02,1,1e40,1,1,1",
        "2026-03-02,1,1,1,,1",
    ],
)
def test_a_bad_row_is_named(row):
    with pytest.raises(Invalid) as refused:
        read(f"{HEADER}2026-03-01,1,1,1,1,1\n{row}\n")
    assert (refused.value.code, refused.value.details["rows"][0]["row"]) == ("bad_rows", 3)


def test_a_header_is_needed():
    for text in ("", "a,b\n", "timestamp,open,high,low,close\n", "open,high,low,close,volume\n"):
        with pytest.raises(Invalid) as refused:
            read(text)
        assert refused.value.code == "bad_header"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (0, 60, "is not later"),
        (0, 0, "is not later"),
        (0, 150, "does not begin"),
        (0, 60_000_000, "is in the future"),
        (3, 0, "not above zero"),
        (3, 101, "below its low"),
        (2, 99, "above its high"),
        (5, -1, "negative volume"),
    ],
)
def test_a_bar_that_cannot_be_is_named(column, value, reason):
    table = np.array([[60, 100, 110, 90, 105, 1], [120, 100, 110, 90, 105, 1]], dtype=np.int64)
    assert checked(table, minutes=1, after=0, now=1000) is table
    table[1, column] = value
    with pytest.raises(Invalid, match=reason):
        checked(table, minutes=1, after=0, now=1000)


def test_leans_minutes_go_by_the_clock_on_the_wall():
    text = "34200000,1000000,1010000,990000,1005000,7\n34260000,1005000,1005000,1005000,1005000,0\n"
    assert lean_minutes(text, date(2026, 3, 9)).tolist() == [
        [seconds(2026, 3, 9, 13, 30), 100 * MICRO, 101 * MICRO, 99 * MICRO, 100_500_000, 7],
        [seconds(2026, 3, 9, 13, 31), *[100_500_000] * 4, 0],
    ]
    assert lean_minutes(text, date(2026, 3, 6))[0, 0] == seconds(2026, 3, 6, 14, 30)
    assert lean_minutes("", date(2026, 3, 6)).shape == (0, 6)
    assert (lean_day("20260306_trade.zip"), lean_day("20260306_quote.zip"), lean_day("20261306_trade.zip")) == (
        date(2026, 3, 6),
        None,
        None,
    )
    for bad in ("86400000,1,1,1,1,1", "1,1,1,1,1", "x,1,1,1,1,1"):
        with pytest.raises(Invalid):
            lean_minutes(bad, date(2026, 3, 6))


@given(st.lists(st.integers(0, 389), min_size=1, max_size=30, unique=True))
def test_leans_minutes_of_any_day_keep_their_order(offsets):
    text = "\n".join(f"{(570 + offset) * 60_000},10000,10000,10000,10000,1" for offset in sorted(offsets))
    table = lean_minutes(text, date(2026, 11, 1))
    assert (np.diff(table[:, 0]) > 0).all()
    assert table[0, 0] == seconds(2026, 11, 1, 14, 30) + min(offsets) * 60


# With the database.

pytestmark = pytest.mark.django_db


def run(*argv):
    out, err = StringIO(), StringIO()
    try:
        call_command(*argv, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}{error}"
    return out.getvalue(), ""


def minute_rows(number, start="2026-03-02T14:30", price=100):
    at = datetime.fromisoformat(start).replace(tzinfo=UTC)
    lines = (
        f"{at + timedelta(minutes=n):%Y-%m-%dT%H:%MZ},{price},{price + 1},{price - 1},{price},10" for n in range(number)
    )
    return HEADER + "\n".join(lines) + "\n"


def test_minutes_of_a_csv_file(tmp_path):
    path = tmp_path / "abc.csv"
    path.write_text(minute_rows(40))
    out, err = run("import_bars", path, "--minutes", "--source", "A vendor", "--licence", "Own use")
    assert (out, err) == ("ABC: 40 bars of 1 min, 2026-03-02 14:30 to 2026-03-02 15:09 UTC, 40 changed\n", "")
    found = Instrument.objects.get(symbol="ABC")
    counts = {
        minutes: IntradayBar.objects.filter(instrument=found, minutes=minutes).count() for minutes in (1, 5, 15, 60)
    }
    assert counts == {1: 40, 5: 8, 15: 3, 60: 2}
    assert candles(found.pk, "60").column(5) == [300, 100]
    event = FeedEvent.objects.get()
    assert (event.kind, event.details["source"], event.details["licence"]) == ("backfill", "A vendor", "Own use")
    again, _ = run("import_bars", path, "--minutes", "1", "--source", "A vendor")
    assert again.endswith("0 changed\n")
    assert not BarSeries.objects.exists()


def test_of_several_files_the_bad_one_leaves_nothing(tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(minute_rows(3))
    bad.write_text(minute_rows(3) + "2026-03-02T14:40Z,1,0.5,1,1,1\n")
    out, err = run("import_bars", good, bad, "--minutes")
    assert out.startswith("GOOD: 3 bars")
    assert "BAD: refused, bad_rows" in err
    assert "1 of 2 symbols were refused" in err
    assert not Instrument.objects.filter(symbol="BAD").exists()
    assert IntradayBar.objects.filter(minutes=1).count() == 3


def test_minutes_of_a_lean_folder(tmp_path):
    for day, price in (("20260306", 1_000_000), ("20260309", 1_010_000)):
        place = tmp_path / "minute" / "spy" / f"{day}_trade.zip"
        place.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(place, "w") as archive:
            rows = "\n".join(f"{34_200_000 + n * 60_000},{price},{price},{price},{price},5" for n in range(3))
            archive.writestr(f"{day}_spy_minute_trade.csv", rows)
    (tmp_path / "minute" / "spy" / "20260306_quote.zip").write_bytes(b"not looked at")
    out, err = run("import_bars", tmp_path, "--minutes")
    assert (err, out) == ("", "SPY: 6 bars of 1 min, 2026-03-06 14:30 to 2026-03-09 13:32 UTC, 6 changed\n")
    found = Instrument.objects.get(symbol="SPY")
    assert candles(found.pk, "1").times[3] == seconds(2026, 3, 9, 13, 30)
    assert "file_unreadable" in run("import_bars", tmp_path, "--minutes", "--only", "NONE")[1]
    (tmp_path / "minute" / "spy" / "20260310_trade.zip").write_bytes(b"broken")
    assert "file_unreadable" in run("import_bars", tmp_path, "--minutes")[1]
    assert IntradayBar.objects.filter(minutes=1).count() == 6


def test_days_of_a_parquet_file_with_symbols(tmp_path):
    days = [date(2024, 1, 8), date(2024, 1, 9)]
    table = pa.table(
        {
            "Symbol": ["BB", "AA", "BB", "AA"],
            "Date": [days[0], days[0], days[1], days[1]],
            "Open": [10.1, 20.0, 10.2, 20.0],
            "High": [10.3, 21.0, 10.3, 21.0],
            "Low": [10.0, 19.0, 10.1, 22.0],
            "Close": [10.2, 20.5, 10.25, 20.0],
            "Volume": [100, 200, 300, 400],
        }
    )
    path = tmp_path / "many.parquet"
    pq.write_table(table, path)
    out, err = run("import_bars", path, "--source", "Parquet test", "--licence", "CC0")
    assert out == "BB: 2 bars, 2024-01-08 to 2024-01-09, 2 changed\n"
    assert "AA: refused, bad_rows: The bar of 2024-01-09" in err
    assert not Instrument.objects.filter(symbol="AA").exists()
    closes = DailyBar.objects.filter(instrument__symbol="BB").order_by("date").values_list("close", flat=True)
    assert list(closes) == [Decimal("10.2"), Decimal("10.25")]
    assert BarSeries.objects.get().licence == "CC0"
    assert "unknown_symbol" in run("import_bars", path, "--only", "ZZ")[1]


def test_minutes_of_a_parquet_file_by_its_name_and_exact_decimals(tmp_path):
    at = [datetime(2026, 3, 2, 14, 30 + n, tzinfo=UTC) for n in range(3)]
    price = pa.array([Decimal("1.000001")] * 3, pa.decimal128(12, 6))
    columns = {"timestamp": pa.array(at, pa.timestamp("ns", tz="UTC")), "volume": pa.array([1, 2, None], pa.int64())}
    path = tmp_path / "dec.parquet"
    pq.write_table(pa.table(columns | dict.fromkeys(("open", "high", "low", "close"), price)), path)
    assert run("import_bars", path, "--minutes")[1] == ""
    found = Instrument.objects.get(symbol="DEC")
    assert candles(found.pk, "1").table.tolist()[0] == [seconds(2026, 3, 2, 14, 30), *[1_000_001] * 4, 1]
    assert "have times of day" in run("import_bars", path)[1]
    path.write_bytes(b"PAR1 no")
    assert "file_unreadable" in run("import_bars", path)[1]
    pq.write_table(pa.table({"x": [1]}), path)
    assert "bad_header" in run("import_bars", path, "--minutes")[1]
    names = ("open", "high", "low", "close", "volume")
    pq.write_table(pa.table({"t": ["monday"], **{name: [1.0] for name in names}}), path)
    assert "bad_header" in run("import_bars", path, "--minutes")[1]
    bad = {"timestamp": [at[0]], **{name: [float("nan")] for name in names}}
    pq.write_table(pa.table(bad), path)
    assert "bad_rows" in run("import_bars", path, "--minutes")[1]


def test_what_the_command_does_not_take(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(minute_rows(2))
    assert "name files, or --vendor" in run("import_bars")[1]
    assert "name files, or --vendor" in run("import_bars", path, "--vendor", "auto")[1]
    assert "bad_request" in run("import_bars", path, "--minutes", "1440")[1]
    assert "bad_rows" in run("import_bars", path, "--minutes", "7")[1]
    assert "file_unreadable" in run("import_bars", tmp_path / "none.csv", "--minutes")[1]
    assert "name symbols" in run("import_bars", "--vendor")[1]


def test_partitions_are_made_once_and_bars_merged(django_assert_num_queries):
    first, last = datetime(2031, 11, 3, tzinfo=UTC), datetime(2032, 2, 1, tzinfo=UTC)
    assert partitions_ensure(first, last) == 4
    with django_assert_num_queries(1):
        assert partitions_ensure(first, last) == 0
    found = InstrumentFactory()
    row = (found.pk, 1, seconds(2031, 12, 31, 23, 59) * MICRO, 1, 2, 1, 2, 5, 1)
    assert bars_copy([row]) == 1
    assert bars_copy([row, (*row[:6], 1, 5, 1)]) == 1  # of two bars of one moment the later counts
    assert bars_copy([(*row[:6], 1, 5, 1)]) == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, close FROM marketdata_intradaybar")
        assert cursor.fetchall() == [("marketdata_intradaybar_y2031m12", 1)]
    assert bars_copy([]) == 0
    with pytest.raises(Invalid):
        partitions_ensure(datetime(1900, 1, 1, tzinfo=UTC), last)
