"""Something to buy in tests."""

from payments.domain.purchases import Offer, Share


class Things:
    """Sells things at 50.00: nine tenths go to a pool, one is ours. Remembers what happened, by payment."""

    label = "Thing"

    def __init__(self):
        self.held, self.granted, self.released, self.revoked = [], [], [], []
        self.price, self.currency, self.refuse = 5_000, "USD", None

    def offer(self, *, user_id, reference, params, currency):
        shares = (Share(f"prize_pool:{reference}", "prize_pool", 9), Share("revenue:things", "revenue", 1))
        return Offer(f"Thing {reference}", self.price, self.currency, shares)

    def hold_in_tx(self, bought):
        self.held.append(bought.payment_id)

    def grant_in_tx(self, bought):
        if self.refuse is not None:
            raise self.refuse
        self.granted.append(bought.payment_id)

    def release_in_tx(self, bought):
        self.released.append(bought.payment_id)

    def revoke_in_tx(self, bought, *, reason):
        self.revoked.append(bought.payment_id)
