"""What marketdata holds about a person: watchlists, and for operators the markets that they made."""

from accounts.ports import PersonalData, Table
from marketdata.models import Market, Watchlist, WatchlistItem


def _erase(user_id: int) -> None:
    Watchlist.objects.filter(owner_id=user_id).delete()


DATA = PersonalData(
    app="marketdata",
    tables=(
        Table("watchlists", "Your watchlists.", Watchlist, "owner_id"),
        Table(
            "watchlist_items", "What is on them.", WatchlistItem, "watchlist__owner_id",
            columns=("id", "watchlist_id", "instrument__symbol", "position", "added_at"),
        ),
        Table("markets_made", "Markets that you made.", Market, "created_by_id", columns=("id", "slug", "name")),
    ),
    erase=_erase,
)  # fmt: skip
