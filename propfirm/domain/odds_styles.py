"""Ways of trading to begin with, and a style as somebody gives it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from core.errors import Invalid
from propfirm.domain.odds_types import BOUNDS, Problems, Style


@dataclass(frozen=True, slots=True)
class Preset:
    """A way of trading to begin with. The figures are examples, not measured."""

    code: str
    name: str
    about: str
    style: Style


STYLES: dict[str, Preset] = {
    preset.code: preset
    for preset in (
        Preset(
            "scalper",
            "Scalper",
            "Twelve quick trades a day at a quarter of a percent: wins more often than not, and less than it loses.",
            Style(name="Scalper", win_rate=0.58, payoff=0.75, trades_per_day=12, risk_percent=0.25),
        ),
        Preset(
            "day-trader",
            "Day trader",
            "Three trades a day at half a percent: loses more often than it wins, and wins more than it loses.",
            Style(name="Day trader", win_rate=0.45, payoff=1.25, trades_per_day=3, risk_percent=0.5),
        ),
        Preset(
            "swing",
            "Swing trader",
            "Two trades a week at one percent: few wins, large ones.",
            Style(name="Swing trader", win_rate=0.38, payoff=1.8, trades_per_day=0.4, risk_percent=1),
        ),
        Preset(
            "gambler",
            "Gambler",
            "Five trades a day at three percent and no stop: the target or the floor within days.",
            Style(name="Gambler", win_rate=0.48, payoff=1, trades_per_day=5, risk_percent=3, uses_stop=False),
        ),
        Preset(
            "coin-flip",
            "Coin flip with costs",
            "Three trades a day at one percent without any edge, and costs of four percent of the risk.",
            Style(name="Coin flip with costs", win_rate=0.5, payoff=0.92, trades_per_day=3, risk_percent=1),
        ),
    )
}

# What a form or the API gives: the field of Style that it fills, and how many of its units are one of that field's.
_FIELDS: dict[str, tuple[str, int, str]] = {
    "win_percent": ("win_rate", 100, "share of trades that win, in percent"),
    "payoff": ("payoff", 1, "average win over average loss"),
    "trades_per_day": ("trades_per_day", 1, "trades a day"),
    "risk_percent": ("risk_percent", 1, "risk of a trade, in percent of the starting balance"),
    "sessions": ("sessions", 1, "trading days a year"),
    "streak": ("streak", 1, "correlation of a result with the last one"),
}
_NEEDED = ("win_percent", "payoff", "trades_per_day", "risk_percent")
_YES, _NO = ("true", "on", "1", "yes"), ("false", "off", "0", "no", "")


def preset_numbers(preset: Preset) -> dict[str, str]:
    """The numbers of a preset as a form has them, by the names of its fields."""
    return {field: f"{getattr(preset.style, _FIELDS[field][0]) * _FIELDS[field][1]:g}" for field in _NEEDED}


def odds_style_read(data: Mapping[str, Any]) -> Style:
    """A style from what somebody gave: numbers or texts by the names of `_FIELDS`, `uses_stop`, or a `preset`.

    With a preset the other fields change it. Raises Invalid `odds_style_invalid` with
    {"problems": [{"field", "message"}]}: fields are named as they were given.
    """
    problems: Problems = []
    code = str(data.get("preset") or "")
    preset = STYLES.get(code)
    if code and preset is None:
        problems.append({"field": "preset", "message": f"Choose one of: {', '.join(STYLES)}."})
    values: dict[str, Any] = asdict(preset.style) if preset else {"name": ""}
    given = False
    for field, (name, scale, words) in _FIELDS.items():
        raw = data.get(field)
        if raw is None or raw == "":
            if preset is None and field in _NEEDED:
                problems.append({"field": field, "message": f"Give the {words}."})
            continue
        value = _number(field, raw, BOUNDS[name], scale, problems)
        given = given or (preset is not None and value != getattr(preset.style, name))
        values[name] = int(value) if name == "sessions" else value
    if data.get("uses_stop") is not None:
        values["uses_stop"] = _flag(data["uses_stop"], problems)
    if not problems:
        style = Style(**{**values, "name": "" if given else values["name"]})
        problems = style.problems()
    if problems:
        raise Invalid("odds_style_invalid", problems[0]["message"], {"problems": problems})
    return style


def _number(field: str, raw: Any, bounds: tuple[float, float], scale: int, problems: Problems) -> float:
    least, most = (bound * scale for bound in bounds)
    try:
        value = Decimal("NaN") if isinstance(raw, bool) else Decimal(str(raw).strip()[:30])
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not least <= value <= most:
        problems.append({"field": field, "message": f"Give a number from {least:g} to {most:g}."})
        return 0.0
    return float(value / scale)


def _flag(raw: Any, problems: Problems) -> bool:
    text = str(raw).strip().lower()
    if text not in (*_YES, *_NO):
        problems.append({"field": "uses_stop", "message": "Give true or false."})
    return text in _YES
