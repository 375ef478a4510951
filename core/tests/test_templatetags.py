"""Figures as pages write them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.templatetags import arena

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(123456789, "USD", "1,234,567.89"), (-5, "USD", f"{MINUS}0.05"), (1500, "JPY", "1,500"), (None, "USD", DASH)],
)
def test_money_is_grouped_with_the_currencys_places(minor, currency, text):
    assert arena.money(minor, currency) == text


@pytest.mark.parametrize(("minor", "text"), [(100, "+1.00"), (-100, f"{MINUS}1.00"), (0, "0.00")])
def test_profit_and_loss_always_has_a_sign(minor, text):
    assert arena.signed_money(minor) == text


@pytest.mark.parametrize(
    ("value", "tick", "text"),
    [("101.3700", "0.01", "101.37"), ("1.23456", "0.0001", "1.2346"), (5, "1", "5.00"), ("NaN", "0.01", DASH)],
)
def test_prices_have_the_instruments_places(value, tick, text):
    assert arena.price(value, tick) == text


@pytest.mark.parametrize(("value", "text"), [("10.000000", "10"), ("1000.500000", "1,000.5"), ("x", DASH)])
def test_quantities_lose_trailing_zeros(value, text):
    assert arena.qty(value) == text


@pytest.mark.parametrize(
    ("value", "name"), [("0.01", "up arrow"), (-1, "down arrow"), (0, "flat"), (None, "flat"), ("x", "flat")]
)
def test_tone_follows_the_sign(value, name):
    assert arena.tone(value) == name


def test_a_figure_that_rounds_to_nothing_has_no_sign():
    assert arena.signed_pct("-0.001") == "0.00%"
    assert arena.signed_pct(Decimal("1.005")) == "+1.00%"
    assert arena.ratio_pct(5, 0) == DASH
    assert arena.ratio_pct(-1, 4) == f"{MINUS}25.00%"


def test_sparklines_draw_sixty_points_against_their_base():
    assert arena.spark(None).count("<path") == 0
    line = arena.spark(list(range(100)), 50)
    assert "spark up" in line
    assert line.count("L") == 59
    assert "<line" in line
    assert "spark flat" in arena.spark([5, 5, 5], 5)
    assert "spark down" in arena.spark([5], 6)


def test_names_codes_and_times_are_escaped_and_readable():
    assert "&lt;b&gt;" in arena.chip("<b>")
    assert arena.initials("Ada Mary Whitfield") == "AM"
    assert arena.initials("<>") == "?"
    at = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert "02 Jan 2024 03:04:05 UTC" in arena.when(at)
    assert "02 Jan 2024 03:04" in arena.market_time(at.isoformat())
    assert arena.when(None) == DASH


@pytest.mark.parametrize(
    ("minor", "text"),
    [(60_000, "+600"), (-540_000, "−5.4k"), (1_234_567, "+12k"), (0, "0"), (150_000_000, "+1.5M"), (None, "–")],
)
def test_short_money_fits_a_small_cell(minor, text):
    assert arena.short_money(minor) == text
