"""Plans on the wire."""

from rest_framework import serializers

from payments.models import PlanPrice, Subscription


class PlanPriceOut(serializers.Serializer):
    """A price before tax, in minor units."""

    code = serializers.CharField()
    currency = serializers.CharField()
    interval = serializers.ChoiceField(choices=PlanPrice.Interval.choices)
    amount_minor = serializers.IntegerField()


class PlanOut(serializers.Serializer):
    """A plan."""

    code = serializers.CharField()
    version = serializers.IntegerField()
    name = serializers.CharField()
    tagline = serializers.CharField()
    rank = serializers.IntegerField()
    limits = serializers.DictField(child=serializers.IntegerField(), help_text="-1: no limit; switches 0 or 1")
    prices = PlanPriceOut(many=True)


class EntitlementOut(serializers.Serializer):
    """What a plan says about a feature."""

    feature = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    is_allowed = serializers.BooleanField()
    limit = serializers.IntegerField(help_text="-1: no limit")
    used = serializers.IntegerField()
    left = serializers.IntegerField(allow_null=True, help_text="null without a limit")
    buy = serializers.ListField(child=serializers.CharField(), help_text="Plans that hold more")


class PlanSubscriptionOut(serializers.Serializer):
    """A plan that renews."""

    status = serializers.ChoiceField(choices=Subscription.Status.choices)
    provider = serializers.CharField()
    plan = PlanOut()
    price = PlanPriceOut()
    period_start = serializers.DateTimeField()
    period_end = serializers.DateTimeField()
    cancel_at_period_end = serializers.BooleanField()
    grace_until = serializers.DateTimeField(allow_null=True)
    pay_url = serializers.CharField()


class MyPlanOut(serializers.Serializer):
    """The plan that one has now."""

    plan = PlanOut()
    until = serializers.DateTimeField(allow_null=True, help_text="Until when it is paid for")
    entitlements = EntitlementOut(many=True)
    subscription = PlanSubscriptionOut(allow_null=True)


class ChangeIn(serializers.Serializer):
    """Another price."""

    price = serializers.CharField(max_length=60, help_text="A price's code, from `plans`")


class UrlOut(serializers.Serializer):
    """Where to go."""

    url = serializers.CharField()
