"""A person's lists of instruments."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Watchlist(models.Model):
    """A named list. The first one made is the one that pages show unless told otherwise."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["owner_id", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="watchlist_name")]

    def __str__(self) -> str:
        return self.name


class WatchlistItem(models.Model):
    """An instrument on a list, in the order in which the person keeps it."""

    watchlist = models.ForeignKey(Watchlist, on_delete=models.CASCADE, related_name="items")
    instrument = models.ForeignKey("marketdata.Instrument", on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["watchlist_id", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["watchlist", "instrument"], name="watchlist_item_once")]

    def __str__(self) -> str:
        return f"{self.watchlist_id} {self.instrument_id}"
