"""The tick in force of a live or simulated market, whole: what its board shows, kept where a restart finds it."""

from django.db import models


class LiveBoard(models.Model):
    """The quotes of a live market's tick in force. One row a market, rewritten in the transaction of each tick.

    `quotes` are `marketdata.domain.types.Quote` documents; `sequences` says, by listing id, which of the feed's quotes
    each of them was made of, so that a tick is taken only when something is new.
    """

    market = models.OneToOneField("marketdata.Market", primary_key=True, on_delete=models.PROTECT, related_name="+")
    tick = models.IntegerField()
    at = models.DateTimeField()
    session_date = models.DateField()
    session_tick = models.IntegerField()
    day_index = models.IntegerField()
    is_close = models.BooleanField(default=False)
    is_kept = models.BooleanField(default=True, help_text="Its prices are kept: the first of a minute, or an end")
    quotes = models.JSONField(default=list)
    sequences = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.market_id} {self.tick}"
