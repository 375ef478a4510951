"""What contests show on a symbol's page: the open ones in which it can be traded."""

from __future__ import annotations

from django.db.models import Q

from contests import selectors
from contests.models import Contest
from marketdata.domain.symbol_panels import PanelRequest, SymbolPanel, register_symbol_panel
from marketdata.models import Listing
from trading.domain.types import Actor

MAX_CONTESTS = 6


def contests_panel(request: PanelRequest) -> SymbolPanel | None:
    """Contests that run or are about to and list the instrument, of those that the viewer may list.

    Not those whose symbols are masked: which instrument hides behind a name is not to be told.
    """
    viewer = Actor(user_id=request.user_id, is_staff=False, label="viewer") if request.user_id else None
    listed = Listing.objects.filter(instrument_id=request.instrument_id)
    rows = (
        selectors.contests_query(viewer, ["active", "scheduled"])
        .filter(market_id__in=listed.values("market_id"))
        .exclude(market__definition__mask=True)
        .filter(Q(allowed_symbols=[]) | Q(allowed_symbols__contains=[request.symbol]))
    )
    found: list[Contest] = list(selectors.running_first(rows)[:MAX_CONTESTS])
    if not found:
        return None
    context = {"contests": [selectors.view_of(row) for row in found], "symbol": request.symbol}
    return SymbolPanel("contests/_symbol_panel.html", context)


def register() -> None:
    """Plug into the symbols' pages; called once from AppConfig.ready()."""
    register_symbol_panel(10, "contests", contests_panel)
