"""Run a strategy over the loaded history."""

import json
from argparse import ArgumentParser
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ai_strategies.domain.backtest.request import FILLS, SIZINGS, BacktestRequest, param_of
from ai_strategies.domain.strategies import STRATEGIES
from ai_strategies.services.backtests import BacktestRun, backtest_keep, backtest_run, run_of
from core.errors import DomainError
from trading.domain.types import plain

# What the table shows, in this order: (label, field, unit).
_ROWS = (
    ("Final equity", "final_equity", ""),
    ("Profit", "profit", ""),
    ("Return", "return_pct", "%"),
    ("Return a year", "annual_return_pct", "%"),
    ("Largest drawdown", "max_drawdown", "% of the peak"),
    ("  in money", "max_drawdown_money", ""),
    ("Closed trades", "closed_trades", ""),
    ("Win rate", "win_rate", "%"),
    ("Profit factor", "profit_factor", ""),
    ("Open positions", "open_positions", ""),
    ("Fees", "fees", ""),
    ("Dividends", "dividends", ""),
    ("Sharpe", "sharpe", ""),
    ("Sortino", "sortino", ""),
    ("Calmar", "calmar", ""),
    ("Exposure", "exposure", "% of equity"),
    ("Bars", "bars", ""),
)


class Command(BaseCommand):
    help = (
        "Run a strategy over the loaded history (bin/manage import_bars), through the order path's own functions. "
        "Nothing is stored without --keep. docs/backtests.md says what each figure is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("strategy", choices=sorted(STRATEGIES), help="which strategy")
        add("--symbol", action="append", required=True, dest="symbols", help="an instrument; again for more of them")
        add("--start", required=True, help="first session, YYYY-MM-DD")
        add("--end", required=True, help="last session, YYYY-MM-DD")
        add("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the strategy")
        add("--cash", default="100000", help="what the account starts with (default 100000)")
        add("--commission", help="commission as a fraction of the notional, each side: 0.001 is 0.1%%")
        add("--fees", help="a fee schedule instead: none, us, in, bps:2, us:share=0.005,min=1 ... (docs/fees.md)")
        add(
            "--fill",
            choices=FILLS,
            default="next_open",
            help="next_open, close: bars without friction; market: the ticks of a replay market with its spread",
        )
        add("--sizing", choices=SIZINGS, default="own", help="the strategy's own size, or all whole lots cash buys")
        add("--warmup", type=int, help="sessions before the start that it may look back on (bars: 0, market: 260)")
        add("--seed", type=int, default=0, help="of a strategy that draws lots")
        add("--interval", type=int, default=120, help="market: minutes of market time between decisions")
        add("--prints", type=int, default=4, help="market: prints of a session (4 to 79)")
        add("--spread-bps", default="4", help="market: full spread in basis points")
        add("--basis", choices=("adjusted", "traded"), default="adjusted", help="market: splits undone, or as traded")
        add("--venue", action="append", default=[], metavar="NAME=VALUE", help="market: such as impact_k=0")
        add("--json", action="store_true", help="one JSON object and nothing else")
        add("--curve", action="store_true", help="with --json: equity at each session's close")
        add("--keep", action="store_true", help="store the run; the same one again is then answered from the store")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            request = _request(options)
            if options["keep"]:
                run = run_of(request, backtest_keep(requested_by=None, request=request)[0])
            else:
                run = backtest_run(request=request)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        if options["json"]:
            self.stdout.write(json.dumps(run.to_json(with_curve=options["curve"]), allow_nan=False))
        else:
            self._table(run)

    def _table(self, run: BacktestRun) -> None:
        found = run.to_json()
        asked = ", ".join(f"{name}={value}" for name, value in found["params"].items())
        self.stdout.write(
            f"{found['strategy']} ({asked}) on {', '.join(found['symbols'])}, "
            f"{found['first_date']} to {found['last_date']}, {found['initial_cash']:,.2f} {found['currency']}"
        )
        for label, name, unit in _ROWS:
            value = found[name]
            words = "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
            self.stdout.write(f"  {label:<18}{words:>16} {unit}".rstrip())
        for code, number in found["orders"].items():
            self.stdout.write(f"  orders {code}: {number}")
        for sentence in (*found["assumptions"], *found["strategy_failures"]):
            self.stdout.write(f"  - {sentence}")


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--{name} must be a date as YYYY-MM-DD, not '{text}'") from error


def _number(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise CommandError(f"--{name} must be a number, not '{text}'") from error
    if not value.is_finite():
        raise CommandError(f"--{name} must be a number, not '{text}'")
    return value


def _fees(options: dict[str, Any]) -> str:
    """The fee schedule that was asked for."""
    commission: str | None = options["commission"]
    if commission is None:
        return options["fees"] or "none"
    if options["fees"] is not None:
        raise CommandError("--commission and --fees exclude each other")
    fraction = _number("commission", commission)
    if not 0 <= fraction < 1:
        raise CommandError(f"--commission is a fraction of the notional from 0 to below 1, not {commission}")
    return f"pct:{plain(fraction * 100)}" if fraction else "none"


def _venue(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise CommandError(f"write --venue as NAME=VALUE, not '{pair}'")
        found[name] = {"true": True, "false": False}.get(value, value)
    return found


def _request(options: dict[str, Any]) -> BacktestRequest:
    params: dict[str, int | float] = {}
    for text in options["param"]:
        name, value = param_of(options["strategy"], text)
        if name in params:
            raise CommandError(f"--param {name} is there twice")
        params[name] = value
    return BacktestRequest(
        strategy=options["strategy"],
        symbols=tuple(symbol.strip().upper() for symbol in options["symbols"]),
        start=_day("start", options["start"]),
        end=_day("end", options["end"]),
        params=params,
        cash=_number("cash", options["cash"]),
        fees=_fees(options),
        fill=options["fill"],
        sizing=options["sizing"],
        warmup=options["warmup"],
        seed=options["seed"],
        interval_minutes=options["interval"],
        spread_bps=_number("spread-bps", options["spread_bps"]),
        prints=options["prints"],
        basis=options["basis"],
        venue=_venue(options["venue"]),
    )
