"""What the plans hold and cost."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from accounts.models import Profile
from payments.pages import CURRENCIES, INTERVALS, currency_for, money_context, plan_cards
from payments.selectors.plans import holding_of, plans_offered, subscription_of


@require_safe
def pricing(request: HttpRequest) -> HttpResponse:
    """All plans side by side, by month or year, in a currency; open to all."""
    user_id = request.user.pk if request.user.is_authenticated else None
    country = Profile.objects.filter(user_id=user_id).values_list("country", flat=True).first() if user_id else ""
    running = subscription_of(user_id) if user_id else None
    asked, every = request.GET.get("currency", "").upper(), request.GET.get("interval", "")
    currency = running.price.currency if running else asked if asked in CURRENCIES else currency_for(country or "")
    interval = every if every in INTERVALS else running.price.interval if running else "month"
    context = {
        "cards": plan_cards(plans_offered(), currency, interval),
        "currency": currency,
        "currencies": CURRENCIES if running is None else (currency,),
        "interval": interval,
        "has": holding_of(user_id) if user_id else None,
        "running": running,
        **money_context(currency),
    }
    return render(request, "payments/pricing.html", context)


urlpatterns = [path("pricing", pricing, name="pricing")]
