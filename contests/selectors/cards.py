"""What a card of a contest's standings shows, and the first rows for pages elsewhere."""

from __future__ import annotations

from contests.adapters.share_card import Card, CardRow, labels_of
from contests.selectors.contests import ContestView
from contests.selectors.standings import StandingRow, standings_page
from core.errors import NotFound
from core.money import exponent, to_major
from marketdata import selectors as market_selectors

TOP = 3


def share_card(contest: ContestView, account_id: int | None = None) -> Card:
    """The card of one participant, or of the first three. Raises NotFound `not_in_contest`."""
    if account_id is None:
        page = standings_page(contest.id, size=TOP)
        rows = page.rows
    else:
        page = standings_page(contest.id, size=1, around_account=account_id)
        rows = [row for row in page.rows if row.account_id == account_id]
        if not rows:
            raise NotFound("not_in_contest", "Nobody of that account is in this contest.")
    return Card(
        title=contest.name,
        fallback=contest.slug,
        status=status_words(contest, is_final=page.is_final),
        labels=price_labels(contest),
        rows=tuple(_row(row, contest.currency) for row in rows),
        participants=page.total,
        initial=contest.initial_balance_minor,
        is_one=account_id is not None,
    )


def price_labels(contest: ContestView) -> tuple[str, ...]:
    """What the prices of a contest are, when they are not the market's own: Simulated, Replayed prices."""
    clock = market_selectors.market_clock(contest.market_id)
    return labels_of(is_simulated=clock.is_simulated, is_replay=clock.is_replay)


def status_words(contest: ContestView, *, is_final: bool) -> str:
    """How a contest stands, in a few words with the time in UTC."""
    if is_final:
        ended = f", {contest.ended_at:%d %b %Y %H:%M} UTC" if contest.ended_at else ""
        return f"Final standings{ended}"
    if contest.status == "scheduled":
        return f"Starts {contest.starts_at:%d %b %Y %H:%M} UTC" if contest.starts_at else "About to start"
    if contest.status == "cancelled":
        return "Called off"
    ends = f", until {contest.ends_at:%d %b %Y %H:%M} UTC" if contest.ends_at else ""
    return f"{'Paused' if contest.status == 'paused' else 'Running'}{ends}"


def _row(row: StandingRow, currency: str) -> CardRow:
    value = to_major(row.value_minor, currency)
    return CardRow(
        rank=row.rank,
        name=row.name,
        kind=row.kind,
        return_pct=row.return_pct,
        value=f"{value:,.{exponent(currency)}f} {currency}",
        points=row.sparkline,
    )
