"""Formatting for every page: figures, signs, tones, sparklines, icons, times. Loaded as a template built-in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any
from uuid import uuid4

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import is_naive

from core.money import exponent, to_major
from core.templatetags.icons import ICONS

register = template.Library()

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
SPARK_WIDTH, SPARK_HEIGHT = 72.0, 22.0
SPARK = (
    '<svg class="spark {}" viewBox="0 0 72 22" preserveAspectRatio="none" aria-hidden="true" '
    'data-points="{}">{}{}</svg>'
)

TONES = {
    "active": "up", "running": "up", "open": "up", "filled": "up",
    "scheduled": "me", "accepted": "me", "partially_filled": "me",
    "held": "quiet", "triggered": "warn",
    "paused": "warn", "denied": "down", "rejected": "down", "suspended": "down", "locked": "warn",
}  # fmt: skip


def _decimal(value: Any) -> Decimal | None:
    """A finite Decimal, or None when the value is not a number."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _figure(number: Decimal, places: int, *, signed: bool = False) -> str:
    """Fixed decimals, thousands grouped by locale, a true minus, and a plus when the sign matters."""
    number = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    text = str(number_format(abs(number), decimal_pos=places, use_l10n=True, force_grouping=True))
    if number < 0:
        return f"{MINUS}{text}"
    return f"+{text}" if signed and number > 0 else text


@register.filter
def money(minor: Any, currency: str = "USD") -> str:
    """Minor units as a grouped figure with the currency's places: 123450 -> 1,234.50."""
    return DASH if minor is None else _figure(to_major(int(minor), currency), exponent(currency))


@register.filter
def signed_money(minor: Any, currency: str = "USD") -> str:
    """As `money`, always with a sign: P&L."""
    return DASH if minor is None else _figure(to_major(int(minor), currency), exponent(currency), signed=True)


@register.filter
def short_money(minor: Any, currency: str = "USD") -> str:
    """As `signed_money` where room is scarce, to about three figures: +600, -5.4k, +12k. The exact one stands by."""
    if minor is None:
        return DASH
    number = to_major(int(minor), currency)
    for size, unit in ((Decimal(1_000_000), "M"), (Decimal(1_000), "k")):
        if abs(number) >= size:
            return _figure(number / size, 0 if abs(number) >= 10 * size else 1, signed=True) + unit
    return _figure(number, 0, signed=True)


@register.filter
def price(value: Any, tick_size: Any = "0.01") -> str:
    """A price with the instrument's fixed decimals."""
    number = _decimal(value)
    if number is None:
        return DASH
    step = _decimal(tick_size) or Decimal("0.01")
    places = max(0, -int(step.normalize().as_tuple().exponent))
    return _figure(number, max(2, places))


@register.filter
def qty(value: Any) -> str:
    """A quantity without trailing zeros: 10.000000 -> 10."""
    number = _decimal(value)
    if number is None:
        return DASH
    places = max(0, -int(number.normalize().as_tuple().exponent))
    return _figure(number, places)


@register.filter
def signed_pct(value: Any) -> str:
    """A percentage with its sign and two decimals: 1.5 -> +1.50%."""
    number = _decimal(value)
    return DASH if number is None else f"{_figure(number, 2, signed=True)}%"


@register.filter
def ratio_pct(part: Any, whole: Any) -> str:
    """Part over whole as a signed percentage, or a dash when there is no whole."""
    top, bottom = _decimal(part), _decimal(whole)
    return DASH if top is None or not bottom else signed_pct(top * 100 / bottom)


@register.filter
def minus(left: Any, right: Any) -> Any:
    """Left minus right, for figures already exact."""
    return left - right


@register.filter
def tone(value: Any) -> str:
    """The class of a signed figure: up, down or flat."""
    number = _decimal(value)
    if not number:
        return "flat"
    return "up arrow" if number > 0 else "down arrow"


@register.filter
def less(left: Any, right: Any) -> Decimal | None:
    """Left minus right, for figures that come as text."""
    first, second = _decimal(left), _decimal(right)
    return None if first is None or second is None else first - second


@register.filter
def times(value: Any, factor: int) -> Decimal | None:
    """A number times a whole factor."""
    number = _decimal(value)
    return None if number is None else number * factor


@register.filter
def share_of(part: Any, whole: Any) -> str:
    """Part of a whole in percent, without a sign: 1 of 8 -> 12.5%."""
    top, bottom = _decimal(part), _decimal(whole)
    return DASH if top is None or not bottom else f"{_figure(top * 100 / bottom, 1)}%"


@register.filter
def split_commas(text: str) -> list[str]:
    """The parts of a text with commas."""
    return text.split(",")


@register.filter
def percent(share: Any) -> str:
    """A share of one as whole percent: 0.72 -> 72."""
    number = _decimal(share)
    return "" if number is None else f"{number * 100:.0f}"


@register.filter
def unlocalise(value: Any) -> str:
    """A number as a program reads it, for data attributes."""
    number = _decimal(value)
    return "" if number is None else format(number.normalize(), "f")


@register.filter
def magnitude(value: Any) -> Any:
    """A number without its sign."""
    return abs(value)


@register.filter
def lookup(mapping: Any, key: Any) -> Any:
    """The value of a key, or nothing."""
    return mapping.get(key) if mapping else None


@register.simple_tag
def new_key() -> str:
    """An idempotency key for one form."""
    return str(uuid4())


@register.filter
def initials(name: str) -> str:
    """Up to two letters for a round badge."""
    words = [word for word in str(name).replace("-", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


@register.filter
def words(code: Any) -> str:
    """A code as words: partially_filled -> partially filled."""
    return str(code).replace("_", " ")


@register.filter
def chip(status: Any) -> SafeString:
    """A state chip: the state in words, coloured by what it means."""
    code = str(status)
    suffix = f" chip-{TONES[code]}" if code in TONES else ""
    return format_html('<span class="chip{}">{}</span>', suffix, words(code).capitalize())


@register.filter
def chip_tone(status: Any) -> str:
    """What colours a state's chip: up, me, warn, down or quiet."""
    return TONES.get(str(status), "quiet")


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """A time with its zone, machine-readable; app.js adds how long ago on hover."""
    if moment is None or is_naive(moment):
        return DASH
    return format_html(
        '<time datetime="{}" data-ago>{} UTC</time>', moment.isoformat(), moment.strftime("%d %b %Y %H:%M:%S")
    )


@register.filter
def market_time(moment: datetime | str | None) -> SafeString | str:
    """A market time: short, to the minute."""
    if not moment:
        return DASH
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), moment.strftime("%d %b %Y %H:%M"))


@register.simple_tag
def icon(name: str) -> SafeString:
    """An inline icon, hidden from assistive technology."""
    return mark_safe(f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{ICONS[name]}</svg>')  # noqa: S308


def spark_path(points: Sequence[float], base: float | None) -> tuple[str, float | None]:
    """The sparkline's path and the height of its base line, in the viewBox. A base too far away to show is left out."""
    low, high = min(points), max(points)
    if base is not None and max(high, base) - min(low, base) > 2 * (high - low) > 0:
        base = None
    if base is not None:
        low, high = min(low, base), max(high, base)
    span = high - low

    def height(value: float) -> float:
        return SPARK_HEIGHT - 1 - (value - low) / span * (SPARK_HEIGHT - 2) if span else SPARK_HEIGHT / 2

    step = SPARK_WIDTH / max(1, len(points) - 1)
    path = "M" + "L".join(f"{index * step:.1f} {height(value):.1f}" for index, value in enumerate(points))
    return path, None if base is None else height(base)


@register.simple_tag
def spark(points: Sequence[float] | None, base: float | None = None) -> SafeString:
    """A 60-point sparkline, green above where it started and vermilion below; its base is a dashed line."""
    if not points:
        return format_html(SPARK, "", "", "", "")
    values = [float(value) for value in points[-60:]]
    values = values * 2 if len(values) == 1 else values
    start = values[0] if base is None else float(base)
    path, line = spark_path(values, None if base is None else float(base))
    colour = "flat" if values[-1] == start else "up" if values[-1] > start else "down"
    rule = SafeString("") if line is None else format_html('<line x1="0" x2="72" y1="{0}" y2="{0}"/>', f"{line:.1f}")
    data = ",".join(f"{value:.0f}" for value in values)
    return format_html(SPARK, colour, data, rule, format_html('<path d="{}"/>', path))
