"""Shapes on the wire. Money and quantities are strings; times are ISO 8601 in UTC."""

from trading.api.wire.accounts import (
    AccountOutput,
    ActivityOutput,
    EquityPointOutput,
    FeeScheduleOutput,
    PositionOutput,
    TransactionOutput,
    account_data,
    activity_data,
    fee_words_data,
    position_data,
    transaction_data,
)
from trading.api.wire.orders import (
    BulkInput,
    BulkOutput,
    ExecuteInput,
    FlattenOutput,
    OrderDetailOutput,
    OrderInput,
    OrderOutput,
    PreviewOutput,
    RevisionInput,
    TransitionOutput,
)
from trading.api.wire.performance import PerformanceOutput, RoundTripOutput, performance_data, round_trip_data
from trading.api.wire.portfolio import PortfolioOutput, portfolio_data
from trading.api.wire.risk import KillInput, KillOutput, RiskInput, RiskOutput, kill_data, risk_data
from trading.api.wire.statements import StatementOutput, statement_data
from trading.api.wire.trades import TradeCloseInput, TradeInput, TradeOutput, trade_data

__all__ = [
    "AccountOutput",
    "ActivityOutput",
    "BulkInput",
    "BulkOutput",
    "EquityPointOutput",
    "ExecuteInput",
    "FeeScheduleOutput",
    "FlattenOutput",
    "KillInput",
    "KillOutput",
    "OrderDetailOutput",
    "OrderInput",
    "OrderOutput",
    "PerformanceOutput",
    "PortfolioOutput",
    "PositionOutput",
    "PreviewOutput",
    "RevisionInput",
    "RiskInput",
    "RiskOutput",
    "RoundTripOutput",
    "StatementOutput",
    "TradeCloseInput",
    "TradeInput",
    "TradeOutput",
    "TransactionOutput",
    "TransitionOutput",
    "account_data",
    "activity_data",
    "fee_words_data",
    "kill_data",
    "performance_data",
    "portfolio_data",
    "position_data",
    "risk_data",
    "round_trip_data",
    "statement_data",
    "trade_data",
    "transaction_data",
]
