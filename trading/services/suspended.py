"""Orders of suspended people: they are cancelled; what was bought stays."""

from accounts.models import User
from core.errors import DomainError
from trading.domain import states
from trading.domain.types import SYSTEM
from trading.models import Order
from trading.services.flatten import cancel_all

MAX_ACCOUNTS = 500


def suspended_orders_cancel(*, user_id: int | None = None) -> int:
    """Cancel the live orders of suspended people, or of one if they are suspended; returns how many.

    Orders of the suspended do not fill in the meantime (trading.services.matching), so it does not matter when this
    runs. What another process has locked or ended is left to the next run.
    """
    live = Order.objects.filter(status__in=states.LIVE, account__owner__status=User.Status.SUSPENDED)
    if user_id is not None:
        live = live.filter(account__owner_id=user_id)
    cancelled = 0
    for account_id in list(live.order_by("account_id").values_list("account_id", flat=True).distinct()[:MAX_ACCOUNTS]):
        try:
            cancelled += len(cancel_all(actor=SYSTEM, account_id=account_id, code="owner_suspended"))
        except DomainError:
            continue
    return cancelled
