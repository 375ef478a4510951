"""Loading files and the demo history: all or nothing, with provenance, and repeating changes nothing."""

import hashlib
import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from core.errors import Conflict
from marketdata.models import BarSeries, CorporateAction, DailyBar, Instrument
from marketdata.services import markets
from marketdata.services.demo import demo_history_generate

HEADER = "date,open,high,low,close,volume\n"
GOOD = HEADER + "2024-01-08,10,12,9,11,1000\n2024-01-09,11,11.5,10.25,11,0\n"
TERMS = ["--source", "Vendor", "--licence", "Own use", "--exchange", "XTST", "--currency", "usd"]


def command(capsys, *args):
    call_command("import_bars", *map(str, args), *TERMS)
    return capsys.readouterr().out


@pytest.mark.django_db
class TestCommand:
    def test_csv(self, tmp_path, capsys):
        path, actions = tmp_path / "aaa.csv", tmp_path / "actions.csv"
        path.write_text(GOOD)
        actions.write_text("symbol,ex_date,kind,value\nAAA,2024-01-09,split,2\n")
        assert "AAA: 2 bars, 2024-01-08 to 2024-01-09, 2 changed" in command(capsys, path, "--actions", actions)
        series = BarSeries.objects.select_related("instrument").get()
        assert (series.source, series.licence, series.bars, series.seed) == ("Vendor", "Own use", 2, None)
        assert (series.first_date, series.last_date) == (date(2024, 1, 8), date(2024, 1, 9))
        assert (series.instrument.symbol, series.instrument.currency) == ("AAA", "USD")
        assert not series.instrument.is_simulated
        bar = DailyBar.objects.get(date="2024-01-09")
        assert (bar.open, bar.high, bar.low, bar.close) == (11, Decimal("11.5"), Decimal("10.25"), 11)
        assert CorporateAction.objects.get().value == 2

        checksum = series.checksum
        assert "2 bars, 2024-01-08 to 2024-01-09, 0 changed" in command(capsys, path, "--actions", actions)
        assert BarSeries.objects.get().checksum == checksum
        path.write_text(HEADER + "2024-01-10,11,12,10,11,7\n2024-01-09,11,12,10,11,7\n")
        assert "3 bars, 2024-01-08 to 2024-01-10, 2 changed" in command(capsys, path)
        assert CorporateAction.objects.count() == 1  # the file said nothing of actions
        assert BarSeries.objects.get().checksum != checksum

    def test_all_or_nothing_per_symbol(self, tmp_path, capsys):
        good, bad = tmp_path / "GOOD.csv", tmp_path / "BAD.csv"
        good.write_text(GOOD)
        bad.write_text(GOOD + "2024-01-10,1,1,1,1,-5\n")
        with pytest.raises(CommandError, match="1 of 2 symbols were refused"):
            command(capsys, bad, good)
        said = capsys.readouterr()
        assert "BAD: refused, bad_rows" in said.err
        assert "row 4: the volume is negative" in said.err
        assert "GOOD: 2 bars" in said.out
        assert list(Instrument.objects.values_list("symbol", flat=True)) == ["GOOD"]

    def test_actions_outside_the_bars(self, tmp_path, capsys):
        path, actions = tmp_path / "aaa.csv", tmp_path / "actions.csv"
        path.write_text(GOOD)
        actions.write_text("symbol,ex_date,kind,value\nAAA,2024-02-09,split,2\n")
        with pytest.raises(CommandError):
            command(capsys, path, "--actions", actions)
        assert "bad_action" in capsys.readouterr().err
        assert not DailyBar.objects.exists()

    def test_nothing_but_the_file_and_its_symbol_is_needed(self, tmp_path, capsys):
        path = tmp_path / "GOOG.csv"
        path.write_text("Date,Open,High,Low,Close,Volume\n2004-08-19,100,104.06,95.96,100.34,22351900\n")
        call_command("import_bars", str(path), "--symbol", "GOOG")
        assert "GOOG: 1 bars, 2004-08-19 to 2004-08-19, 1 changed" in capsys.readouterr().out
        series = BarSeries.objects.select_related("instrument").get()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert series.source == f"GOOG.csv (sha256 {digest[:12]})"
        assert series.licence == "not stated by the importer"
        assert (series.instrument.exchange, series.instrument.currency) == ("US", "USD")
        Instrument.objects.update(exchange="NASDAQ", currency="CAD")
        call_command("import_bars", str(path), "--symbol", "GOOG")  # an instrument keeps what is known of it
        assert "0 changed" in capsys.readouterr().out

    @pytest.mark.parametrize("blank", ["--source", "--licence", "--exchange", "--currency"])
    def test_terms_are_not_blank(self, tmp_path, blank):
        path = tmp_path / "aaa.csv"
        path.write_text(GOOD)
        with pytest.raises(CommandError, match="bad_request"):
            call_command("import_bars", str(path), blank, " ")

    def test_changes_of_symbol_stay_when_splits_are_loaded_again(self, tmp_path, capsys):
        path, actions = tmp_path / "aaa.csv", tmp_path / "actions.csv"
        path.write_text(GOOD)
        rows = "AAA,2024-01-09,symbol_change,,NEW\nAAA,2024-01-10,delisting,,\nAAA,2024-01-09,split,2,\n"
        actions.write_text("symbol,ex_date,kind,value,new_symbol\n" + rows)
        command(capsys, path, "--actions", actions)
        assert CorporateAction.objects.get(kind="symbol_change").new_symbol == "NEW"
        actions.write_text("symbol,ex_date,kind,value\nAAA,2024-01-09,split,3\n")
        command(capsys, path, "--actions", actions)
        kept = CorporateAction.objects.order_by("kind").values_list("kind", "value")
        assert list(kept) == [("delisting", 0), ("split", 3), ("symbol_change", 0)]
        actions.write_text("symbol,ex_date,kind,value\nAAA,2024-01-09,delisting,3\n")
        with pytest.raises(CommandError):
            command(capsys, path, "--actions", actions)
        assert "A delisting on 2024-01-09 has bars after it" in capsys.readouterr().err

    @pytest.mark.parametrize("name", ["sp ace", "toolongasymbolname", "A;B", ".A"])
    def test_bad_symbols(self, tmp_path, capsys, name):
        path = tmp_path / "x.csv"
        path.write_text(GOOD)
        with pytest.raises(CommandError):
            command(capsys, path, "--symbol", name)
        assert "bad_symbol" in capsys.readouterr().err

    def test_unreadable_files(self, tmp_path, capsys):
        binary = tmp_path / "BIN.csv"
        binary.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(CommandError):
            command(capsys, binary, tmp_path / "NONE.csv")
        said = capsys.readouterr().err
        assert "BIN.csv is not UTF-8 text" in said
        assert "NONE.csv cannot be read" in said

    def test_an_instrument_keeps_its_exchange_and_its_reality(self, tmp_path, capsys):
        path = tmp_path / "NOVQ.csv"
        path.write_text(GOOD)
        demo_history_generate()
        with pytest.raises(CommandError):
            command(capsys, path)
        assert "symbol_taken" in capsys.readouterr().err
        command(capsys, path, "--symbol", "AAA")
        Instrument.objects.filter(symbol="AAA").update(exchange="ELSE")
        with pytest.raises(CommandError):
            command(capsys, path, "--symbol", "AAA")
        assert "AAA is known as ELSE USD, not XTST USD" in capsys.readouterr().err

    def test_history_in_play_does_not_change(self, tmp_path, capsys):
        path = tmp_path / "AAA.csv"
        path.write_text(GOOD)
        command(capsys, path)
        market = markets.market_create_replay(
            actor=None,
            slug="m",
            name="M",
            definition={"start": "2024-01-08", "end": "2024-01-09", "symbols": ["AAA"], "warmup_days": 0},
        )
        path.write_text(GOOD.replace("11.5", "12.5"))
        with pytest.raises(CommandError):
            command(capsys, path)
        assert "history_in_use" in capsys.readouterr().err
        assert DailyBar.objects.get(date="2024-01-09").high == Decimal("11.5")
        path.write_text(GOOD + "2024-01-10,11,12,10,11,7\n")
        assert "1 changed" in command(capsys, path)  # later days are nobody's yet
        markets.market_end(actor=None, market_id=market.id)
        path.write_text(GOOD.replace("11.5", "12.5"))
        assert "1 changed" in command(capsys, path)

    def test_lean_folder(self, tmp_path, capsys):
        (tmp_path / "daily").mkdir()
        (tmp_path / "factor_files").mkdir()
        rows = "20240108 00:00,1000000,1010000,990000,1000000,50\n20240109 00:00,500000,510000,490000,500000,100"
        pack(tmp_path / "daily" / "aaa.zip", {"aaa.csv": rows})
        pack(tmp_path / "daily" / "two.zip", {"a.csv": rows, "b.csv": rows})
        (tmp_path / "daily" / "bad.zip").write_bytes(b"PK\x03\x04 not a zip")
        (tmp_path / "factor_files" / "aaa.csv").write_text("20240102,1,0.5,1\n20240108,1,0.5,100\n20501231,1,1,0\n")
        with pytest.raises(CommandError, match="2 of 3 symbols"):
            command(capsys, tmp_path)
        said = capsys.readouterr()
        assert "AAA: 2 bars" in said.out
        assert said.err.count("file_unreadable") == 2
        split = CorporateAction.objects.get()
        assert (split.kind, split.ex_date, split.value) == ("split", date(2024, 1, 9), 2)
        with pytest.raises(CommandError, match="file_unreadable"):
            command(capsys, tmp_path, "--only", "NOPE")


def pack(path, members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    path.write_bytes(buffer.getvalue())


@pytest.mark.django_db
def test_demo_history_is_loaded_once(capsys):
    call_command("generate_demo_history")
    first = dict(BarSeries.objects.values_list("instrument__symbol", "checksum"))
    assert "60384 bars, 60384 changed" in capsys.readouterr().out
    assert set(BarSeries.objects.values_list("seed", flat=True)) == {20160104}
    assert all(source.startswith("SIMULATED") for source in BarSeries.objects.values_list("source", flat=True))
    assert Instrument.objects.filter(is_simulated=True).count() == 24
    assert not DailyBar.objects.exclude(open__gt=0).exists()
    call_command("generate_demo_history")
    assert "60384 bars, 0 changed" in capsys.readouterr().out
    assert dict(BarSeries.objects.values_list("instrument__symbol", "checksum")) == first
    actions = CorporateAction.objects.count()
    call_command("generate_demo_history", "--seed", "4")
    assert dict(BarSeries.objects.values_list("instrument__symbol", "checksum")).keys() == first.keys()
    assert CorporateAction.objects.count() != actions  # nothing of the other seed is left


@pytest.mark.django_db
def test_another_seed_does_not_change_a_market_in_play():
    demo_history_generate()
    markets.market_create_replay(
        actor=None,
        slug="m",
        name="M",
        definition={"start": "2020-01-02", "end": "2020-03-31", "symbols": ["NOVQ", "BRYO"]},
    )
    demo_history_generate()
    with pytest.raises(Conflict) as refused:
        demo_history_generate(seed=4)
    assert refused.value.code == "history_in_use"
