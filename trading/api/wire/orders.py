"""Orders on the wire."""

from __future__ import annotations

from rest_framework import serializers

from trading.api.wire.fields import ExactNumberField, account_id, optional_number
from trading.domain.types import ORDER_CLASSES, ORDER_TYPES, TIMES_IN_FORCE


class TakeProfitInput(serializers.Serializer):
    """A take profit as an object; the same as `take_profit_price`."""

    limit_price = ExactNumberField()


class StopLossInput(serializers.Serializer):
    """A stop loss as an object; the same as `stop_loss_price` and `stop_loss_limit_price`."""

    stop_price = ExactNumberField()
    limit_price = optional_number()


class OrderInput(serializers.Serializer):
    """A new order. Documents the body; `trading.api.parse` reads it, at a tenth of the cost."""

    account_id = account_id()
    symbol = serializers.CharField(max_length=16)
    side = serializers.ChoiceField(["buy", "sell"])
    quantity = ExactNumberField()
    type = serializers.ChoiceField(ORDER_TYPES, default="market")
    limit_price = optional_number("limit and stop_limit")
    stop_price = optional_number("stop and stop_limit")
    trail_amount = optional_number("trailing_stop: how far behind the best price, in money")
    trail_percent = optional_number("trailing_stop: how far behind the best price, in percent")
    time_in_force = serializers.ChoiceField(
        TIMES_IN_FORCE, default="day", help_text="opg, cls: the next opening or closing auction only"
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="gtd: market time, with its zone")
    reduce_only = serializers.BooleanField(default=False, help_text="Never opens, enlarges or turns a position")
    order_class = serializers.ChoiceField(ORDER_CLASSES, default="simple")
    take_profit_price = optional_number("bracket, oto")
    stop_loss_price = optional_number("bracket, oto, oco")
    stop_loss_limit_price = optional_number("Makes the stop loss a stop-limit order")
    take_profit = TakeProfitInput(required=False, allow_null=True)
    stop_loss = StopLossInput(required=False, allow_null=True)
    client_order_id = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class RevisionInput(serializers.Serializer):
    """What changes about an order that rests. What is left out stays. `quantity`: what is still to be filled."""

    quantity = optional_number()
    limit_price = optional_number()
    stop_price = optional_number()
    trail_amount = optional_number()
    trail_percent = optional_number()
    time_in_force = serializers.ChoiceField(TIMES_IN_FORCE, required=False, allow_null=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    client_order_id = serializers.CharField(max_length=64, required=False, allow_null=True)


class BulkOrderInput(OrderInput):
    """One order of several. Without an account it is for the one named beside `orders`."""

    account_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    idempotency_key = serializers.CharField(max_length=128, required=False)


class BulkInput(serializers.Serializer):
    """Up to 50 orders. Each is placed or refused on its own."""

    account_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    orders = BulkOrderInput(many=True)


class ExecuteInput(serializers.Serializer):
    """A market order in the words of the first brief: ticker, action, quantity."""

    account_id = account_id()
    ticker = serializers.CharField(max_length=16)
    action = serializers.CharField(max_length=4, help_text="BUY or SELL")
    quantity = ExactNumberField()


class OrderOutput(serializers.Serializer):
    """An order as it stands."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    symbol = serializers.CharField()
    side = serializers.ChoiceField(["buy", "sell"])
    type = serializers.ChoiceField(ORDER_TYPES)
    time_in_force = serializers.ChoiceField(TIMES_IN_FORCE)
    quantity = serializers.CharField()
    filled_quantity = serializers.CharField()
    limit_price = serializers.CharField(allow_null=True)
    average_price = serializers.CharField(allow_null=True)
    status = serializers.CharField(
        help_text="denied, held, accepted, triggered, partially_filled, filled, canceled, expired, rejected, replaced"
    )
    code = serializers.CharField(help_text="Why it was denied, deferred or ended; empty otherwise")
    message = serializers.CharField()
    details = serializers.DictField()
    client_order_id = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF names an attribute of fields so, too
    market_at = serializers.CharField(allow_null=True, help_text="Market time of acceptance")
    created_at = serializers.CharField()
    fee = serializers.CharField(allow_null=True, help_text="What it has paid so far; null before the first fill")
    currency = serializers.CharField()
    stop_price = serializers.CharField(allow_null=True)
    trail_amount = serializers.CharField(allow_null=True)
    trail_percent = serializers.CharField(allow_null=True)
    expires_at = serializers.CharField(allow_null=True)
    reduce_only = serializers.BooleanField()
    order_class = serializers.ChoiceField(ORDER_CLASSES)
    role = serializers.CharField(help_text="take_profit or stop_loss for a leg; empty otherwise")
    parent_id = serializers.IntegerField(allow_null=True, help_text="The entry that this leg protects")
    legs = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of its legs")
    replaces_id = serializers.IntegerField(allow_null=True)
    replaced_by_id = serializers.IntegerField(allow_null=True)


class OrderDetailOutput(OrderOutput):
    """An order with its legs."""

    leg_orders = OrderOutput(many=True)


class TransitionOutput(serializers.Serializer):
    """One step of an order's life."""

    from_status = serializers.CharField()
    to_status = serializers.CharField()
    reason = serializers.CharField()
    market_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class PreviewOutput(serializers.Serializer):
    """What an order would do now."""

    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField()
    price = serializers.CharField(help_text="Its fill price, or what it is held at while it rests")
    would_fill = serializers.BooleanField()
    fill_quantity = serializers.CharField(help_text="What would fill at once")
    notional = serializers.CharField()
    fee = serializers.CharField()
    fees = serializers.DictField(child=serializers.CharField(), help_text="Charges by kind")
    total = serializers.CharField(help_text="Cost of a buy with fee, or proceeds of a sale after fee")
    margin = serializers.CharField(allow_null=True, help_text="Initial margin that it takes; null for cash accounts")
    buying_power = serializers.CharField()
    buying_power_after = serializers.CharField()
    currency = serializers.CharField()
    denial = serializers.DictField(allow_null=True, help_text="{code, message, details} when it would be denied")


class BulkResultOutput(serializers.Serializer):
    """What became of one order: `order` when it was stored (a denied one too), `error` when it was not taken."""

    index = serializers.IntegerField()
    status = serializers.IntegerField(help_text="What the order alone would have been answered with")
    order = OrderOutput(allow_null=True)
    error = serializers.DictField(allow_null=True, help_text="{code, message, details}")


class BulkOutput(serializers.Serializer):
    """Results in the order of the request."""

    results = BulkResultOutput(many=True)
    placed = serializers.IntegerField()
    refused = serializers.IntegerField()


class LeftOutput(serializers.Serializer):
    """A position that could not be closed, and why."""

    symbol = serializers.CharField()
    quantity = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class FlattenOutput(serializers.Serializer):
    """What flattening did. `closed` and `canceled` are ids of orders."""

    account_id = serializers.IntegerField()
    canceled = serializers.ListField(child=serializers.IntegerField())
    closed = serializers.ListField(child=serializers.IntegerField())
    left = LeftOutput(many=True)
    is_flat = serializers.BooleanField()
