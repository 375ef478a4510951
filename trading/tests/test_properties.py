"""Generated sequences through the real order path on PostgreSQL: the books hold after each of them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from core.errors import DomainError
from core.services.books import verify
from marketdata.tests.factories import advance, replay_market
from trading.models import Account, Fill, Order, Position
from trading.services.changes import order_cancel
from trading.tests import factories as make

STEPS = st.one_of(
    st.tuples(st.just("market"), st.sampled_from(["buy", "sell"]), st.sampled_from(["AAA", "BBB"]), st.integers(1, 60)),
    st.tuples(
        st.just("limit"),
        st.sampled_from(["buy", "sell"]),
        st.sampled_from(["AAA", "BBB"]),
        st.integers(1, 60),
        st.integers(-8, 8),
        st.sampled_from(["day", "gtc"]),
    ),
    st.tuples(st.just("tick"), st.integers(1, 3)),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("repeat"), st.integers(0, 5)),
)


def run(step, market, account_id, who, sent):
    kind = step[0]
    if kind == "tick":
        advance(market.id, step[1])
    elif kind == "cancel":
        orders = list(Order.objects.filter(account_id=account_id).order_by("-id").values_list("id", flat=True)[:6])
        if step[1] < len(orders):
            order_cancel(actor=who, order_id=orders[step[1]])
    elif kind == "repeat":
        if step[1] < len(sent):
            before = Order.objects.count()
            make.place(who, account_id, **sent[step[1]])
            assert Order.objects.count() == before
    else:
        order = {"side": step[1], "symbol": step[2], "quantity": step[3], "key": f"k{len(sent)}"}
        if kind == "limit":
            base = 100 if step[2] == "AAA" else 48
            order |= {"limit": str(base + step[4]), "time_in_force": step[5]}
        sent.append(order)
        make.place(who, account_id, **order)


class BooksTest(TestCase):
    """Hypothesis' Django TestCase rolls back after every example."""

    @settings(max_examples=40, deadline=None)
    @given(steps=st.lists(STEPS, max_size=25))
    def test_the_books_hold_after_any_sequence(self, steps):
        market = replay_market(ticks=1)
        account_id, who = make.account(market, group_id=make.group(market, commission_bps="5"))
        sent = []
        for step in steps:
            try:
                run(step, market, account_id, who, sent)
            except DomainError:
                continue
        account = Account.objects.get(pk=account_id)
        assert account.cash_minor >= account.reserved_minor >= 0
        for position in Position.objects.filter(account_id=account_id):
            fills = Fill.objects.filter(listing=position.listing)
            bought, sold = (sum(f.quantity for f in fills if f.side == side) for side in ("buy", "sell"))
            assert sold <= bought
            assert position.quantity == bought - sold
        held = sum(Position.objects.filter(account_id=account_id).values_list("cost_minor", flat=True))
        assert account.cash_minor - account.initial_minor == account.realized_minor - held - account.fees_minor
        report = verify()
        assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]
