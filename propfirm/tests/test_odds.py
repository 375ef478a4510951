"""The odds of a plan against closed forms, known intervals and hand-made paths."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from core.errors import Invalid
from propfirm.domain.odds import MAX_WORK, odds, paths_for, walk
from propfirm.domain.odds_board import Board
from propfirm.domain.odds_compile import compiled, not_modelled
from propfirm.domain.odds_figures import Chance, Mean, Spread, wilson
from propfirm.domain.odds_firm import firm
from propfirm.domain.odds_run import Run, day_of
from propfirm.domain.odds_styles import STYLES, odds_style_read
from propfirm.domain.odds_trades import Blocks, Numbers, other_way
from propfirm.domain.odds_types import Habits, History, OddsPlan, Style
from propfirm.tests.test_odds_engine import Given, both
from trading.domain.rules import RuleSet

INITIAL = 10_000_000
PLAIN = Habits(coast=1)
FLIP = Style(win_rate=0.5, payoff=1, trades_per_day=4, risk_percent=1)


def rules(*items):
    return RuleSet.from_json({"version": 1, "name": "Test", "currency": "USD", "rules": list(items)})


def share(value, basis="initial"):
    return {"basis": basis, "value": str(value)}


def floor(value=10, **knobs):
    return {"kind": "max_loss", "amount": share(value), "comparator": "at_or_below", "warn_at": [], **knobs}


def target(value=10, **knobs):
    return {"kind": "profit_target", "amount": share(value), **knobs}


def payout(**knobs):
    return {"kind": "payout", "first_after_days": 0, "every_days": 14, "split_percent": "80", **knobs}


def plan(*phases, price=10_000):
    return OddsPlan(phases=tuple(phases), initial_minor=INITIAL, price_minor=price, currency="USD")


PAYS = rules(floor(), payout())


def passed(first, style, seed=1, paths=4_000, days=756):
    found = odds(
        plan(rules(*first), PAYS), style, paths=paths, seed=seed, habits=PLAIN, horizon_days=1, phase_days=days
    )
    return found.phases[0].passed


def within(chance, exact, errors=4):
    """Whether an exact probability is within so many standard errors."""
    return abs(chance.value - exact) <= errors * math.sqrt(exact * (1 - exact) / chance.of) + 1e-12


class TestClosedForms:
    @pytest.mark.parametrize(("down", "up"), [(10, 10), (5, 10), (10, 3)])
    def test_a_fair_walk_between_two_ends(self, down, up):
        assert within(passed([floor(down), target(up)], FLIP), down / (down + up))

    @pytest.mark.parametrize("win", [0.45, 0.55])
    def test_a_walk_with_an_edge_ends_as_the_gambler(self, win):
        odd = (1 - win) / win
        exact = (1 - odd**10) / (1 - odd**15)
        style = Style(win_rate=win, payoff=1, trades_per_day=4, risk_percent=1)
        assert within(passed([floor(10), target(5)], style), exact)

    def test_the_time_limit_is_the_chance_to_arrive_in_time(self):
        """Sessions 0 to 6 of a 252-day year fall within ten days: by reflection, P(reach +3 in 7 flips)."""
        assert [day_of(session, 252) for session in range(8)] == [0, 1, 2, 4, 5, 7, 8, 10]
        ways = sum(max(itertools.accumulate(flips)) >= 3 for flips in itertools.product((1, -1), repeat=7))
        style = Style(win_rate=0.5, payoff=1, trades_per_day=1, risk_percent=1)
        limit = {"kind": "time_limit", "days": 10, "warn_at": []}
        assert within(passed([floor(50), target(3), limit], style), ways / 2**7)

    def test_always_winning_passes_and_always_losing_does_not(self):
        first = [floor(), target()]
        assert passed(first, Style(win_rate=1, payoff=1, trades_per_day=1, risk_percent=1), paths=200).value == 1
        assert passed(first, Style(win_rate=0, payoff=1, trades_per_day=1, risk_percent=1), paths=200).value == 0

    def test_streaks_have_the_correlation_that_was_asked_for(self):
        style = Style(win_rate=0.4, payoff=1, trades_per_day=20, risk_percent=0.1, streak=0.3)
        rng = np.random.default_rng(1)
        board = Board(compiled(rules(floor(90))), np.arange(20_000), np.full(20_000, 1e7), np.zeros(20_000))
        source = Numbers(style, rng, 20_000)
        board.prepare()
        source.open(rng, board, 1.0)
        won = np.array([source.trade(rng, number, board).pnl > 0 for number in range(6)])
        assert won.mean() == pytest.approx(0.4, abs=0.01)
        assert np.corrcoef(won[2], won[3])[0, 1] == pytest.approx(0.3, abs=0.03)

    def test_how_far_a_trade_goes_the_other_way(self):
        """Of fair trades between -1 and +2 that win, the share that has been at -x before is x's complement."""
        draw = np.random.default_rng(2).random(200_000)
        lows = other_way(draw, np.full(200_000, 1e6), np.full(200_000, 2e6)) / 1e6
        for x in (0.1, 0.5, 0.9):
            assert (lows <= x).mean() == pytest.approx(x * 3 / (x + 2), abs=0.005)
        assert lows.max() <= 1

    def test_a_trailing_floor_never_helps(self):
        """The same trades: whoever passes over a floor that trails passes over one that stands still, too."""
        rng, shape = np.random.default_rng(3), (40, 3, 800)
        pnl = rng.choice([-100_000.0, 110_000.0], size=shape)
        other = np.rint(rng.random(shape) * 90_000)
        ends = {}
        for trailing in ("static", "end_of_day", "intraday"):
            rule_set = compiled(rules(floor(6, trailing=trailing), target(8)))
            board = Board(rule_set, np.arange(800), np.full(800, 1e7), np.zeros(800))
            trades = Given(np.ones(shape, bool), pnl, np.where(pnl < 0, -pnl, other), np.where(pnl > 0, pnl, other))
            ends[trailing] = Run(board, trades, rng, PLAIN, 252).play(40).code == 1
        assert not (ends["intraday"] & ~ends["end_of_day"]).any()
        assert not (ends["end_of_day"] & ~ends["static"]).any()
        assert ends["intraday"].sum() < ends["end_of_day"].sum() < ends["static"].sum()


class TestPayouts:
    def test_a_year_of_winning_pays_what_the_engine_pays(self):
        """With growth after a calendar month, steps of the split, a cap and the fee with the second payout."""
        more = {"kind": "scaling", "every_months": 1, "min_profit_percent": "2", "increase_percent": "25"}
        pays = payout(
            every_days=7, split_steps=[{"after": 2, "percent": "90"}], cap=share(3), buffer=share("0.5"), minimum="300"
        )
        chance = {"kind": "second_chance", "refund_fee_with_payout": 2, "refund_percent": "50"}
        quiet = [floor(60), pays, more, chance]
        fast, exact = both(quiet, seed=5, paths=6, days=40)
        assert [tuple(map(float, one[3:])) for one in fast] == [tuple(map(float, one[3:])) for one in exact]
        assert max(one[4] for one in fast) >= 3
        assert max(one[3] for one in fast) > 1.2 * INITIAL
        assert any(one[6] for one in fast)

    def test_one_path_by_hand(self):
        """+1% of 100,000 each day: 80% of 14 days' profit, all of it taken, fee back at once."""
        style = Style(win_rate=1, payoff=1, trades_per_day=1, risk_percent=1, sessions=365)
        funded = rules(floor(), payout(first_after_days=14), {"kind": "second_chance", "refund_fee_with_payout": 1})
        found = walk(plan(funded), style, paths=3, seed=1, habits=PLAIN, horizon_days=30, phase_days=1)
        assert found.payouts.tolist() == [2, 2, 2]
        assert found.paid.tolist() == [0.8 * 0.01 * INITIAL * 29] * 3
        assert found.value.tolist() == [0.8 * 0.01 * INITIAL * 29 + 10_000 - 10_000] * 3

    def test_the_cushion_keeps_a_payout_from_standing_on_a_locked_floor(self):
        locked = rules(floor(4, trailing="intraday", lock="initial"), payout(every_days=1))
        win = Style(win_rate=1, payoff=1, trades_per_day=1, risk_percent=1)
        found = walk(plan(locked), win, paths=2, seed=1, habits=PLAIN, horizon_days=20, phase_days=1)
        assert found.payouts.min() > 5
        assert found.rules[0].endings[found.code[0]][0] == "open"
        bare = Habits(cushion_percent=0)
        found = walk(plan(locked), win, paths=2, seed=1, habits=bare, horizon_days=20, phase_days=1)
        assert found.rules[0].endings[found.code[0]][0] == "open"

    def test_resets_cost_and_help_and_are_bounded(self):
        chance = {"kind": "second_chance", "reset_price": "80", "max_resets": 2}
        phases = (rules(floor(), target(), chance), PAYS)
        none, three = (
            odds(plan(*phases), FLIP, paths=1_000, habits=Habits(coast=1, max_resets=most), horizon_days=5)
            for most in (0, 3)
        )
        assert three.phases[0].passed.value > none.phases[0].passed.value + 0.2
        assert none.cost.value == 10_000
        assert three.cost.value == pytest.approx(10_000 + 8_000 * three.resets.value)
        assert 0.6 < three.resets.value < 0.9

    def test_a_free_retry_needs_time_that_ran_out_in_profit(self):
        limit = {"kind": "time_limit", "days": 5, "warn_at": []}
        chance = {"kind": "second_chance", "free_retries": 1}
        slow = Style(win_rate=1, payoff=1, trades_per_day=1, risk_percent=1)
        with_retry, without = (
            odds(plan(rules(floor(), target(50), limit, *more), PAYS), slow, paths=50) for more in ([chance], [])
        )
        assert [item.ends[0].outcome for item in (with_retry, without)] == ["expired", "expired"]
        lose = Style(win_rate=0, payoff=1, trades_per_day=1, risk_percent=0.01)
        # The sessions of the second attempt are counted too.
        sessions = [
            walk(
                plan(rules(floor(), target(50), limit, chance), PAYS),
                style, paths=5, seed=1, habits=PLAIN, horizon_days=5, phase_days=252,
            ).days[0, 0]
            for style in (slow, lose)
        ]  # fmt: skip
        assert sessions[0] == 2 * sessions[1]


class TestIntervals:
    @pytest.mark.parametrize(
        ("count", "of", "low", "high"),
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_wilson_is_the_published_interval(self, count, of, low, high):
        """Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
        assert wilson(count, of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))

    def test_wilson_covers_what_it_says(self):
        for of, share in ((40, 0.1), (100, 0.5), (500, 0.02)):
            cover = sum(
                math.comb(of, count) * share**count * (1 - share) ** (of - count)
                for count in range(of + 1)
                if wilson(count, of)[0] <= share <= wilson(count, of)[1]
            )
            assert 0.93 < cover < 0.985

    def test_intervals_of_simulations_cover_the_exact_odds(self):
        hits = sum(
            low <= 0.5 <= high
            for low, high in (passed([floor(5), target(5)], FLIP, seed=seed, paths=300).interval for seed in range(40))
        )
        assert hits >= 33

    def test_nothing_counted_is_no_figure(self):
        assert Chance(0, 0).to_json() == {"value": None, "low": 0.0, "high": 1.0, "count": 0, "of": 0}
        assert Spread.over(np.array([])).to_json() == {"p10": None, "median": None, "p90": None}
        assert Mean.over(np.array([])).value == 0

    def test_a_mean_of_money_reads_as_money(self):
        found = Mean.over(np.array([100.0, 300.0]), "USD")
        assert found.to_json() == {"value": "2.00", "low": "0.04", "high": "3.96", "standard_error": "1.00"}


class TestAnswers:
    def test_the_same_seed_gives_the_same_figures(self):
        asked = plan(rules(floor(), target()), PAYS)
        one, same, other = (odds(asked, FLIP, paths=500, seed=seed, horizon_days=20).to_json() for seed in (7, 7, 8))
        assert one == same
        assert {**other, "seed": 7} != one

    def test_the_parts_agree_with_each_other(self):
        found = odds(plan(rules(floor(), target()), rules(floor(5), target(4)), PAYS), FLIP, paths=2_000)
        read = json.loads(json.dumps(found.to_json()))
        assert sum(end["share"]["count"] for end in read["ends"]) == 2_000
        assert read["phases"][1]["passed"]["count"] == read["funded"]["count"] == read["paid_if_funded"]["of"]
        assert found.trader_value.value == pytest.approx(
            found.payout_total.value + found.refund.value - found.cost.value
        )
        assert found.firm_value.value == pytest.approx(-found.trader_value.value)
        assert found.paid.count <= found.funded.count

    def test_work_is_bounded(self):
        asked = plan(rules(floor(), target()), PAYS)
        busy = Style(win_rate=0.5, payoff=1, trades_per_day=20, risk_percent=0.05)
        assert paths_for(asked, FLIP, 10_000, horizon_days=252, phase_days=252) == 10_000
        few = paths_for(asked, busy, 1_000_000, horizon_days=252, phase_days=252)
        assert 500 <= few <= MAX_WORK / (504 * 20)
        assert paths_for(asked, FLIP, 7, horizon_days=252, phase_days=252) == 7

    def test_once_only_days_are_missing_a_trader_is_careful(self):
        first = rules(floor(), target(4), {"kind": "min_trading_days", "days": 10})
        careful, careless = (
            odds(plan(first, PAYS), FLIP, paths=2_000, habits=Habits(coast=coast), horizon_days=1).phases[0].passed
            for coast in (0.1, 1)
        )
        assert careful.value > careless.value + 0.02

    def test_a_trader_with_stops_trades_smaller_where_a_rule_limits_the_loss(self):
        strict = [floor(), target(5), {"kind": "loss_per_trade", "amount": share("0.5")}]
        careful = passed(strict, FLIP, paths=500)
        blunt = passed(
            strict, Style(win_rate=0.5, payoff=1, trades_per_day=4, risk_percent=1, uses_stop=False), paths=500
        )
        assert within(careful, 10 / 15)
        assert blunt.value < 0.1

    def test_what_is_left_out_is_said(self):
        words = " ".join(not_modelled((rules(floor(), {"kind": "news_blackout"}), PAYS)))
        assert "news" in words
        assert "lots" not in words
        assert "Resets" not in words
        prague = {"time": "00:00", "zone": "Europe/Prague"}
        utc = {"kind": "daily_loss", "key": "utc", "amount": share(5)}
        daily = [utc, {**utc, "key": "prague", "reset": prague}]
        assert "Resets" not in " ".join(not_modelled((rules(floor(), daily[1]), PAYS)))
        assert "Resets" in " ".join(not_modelled((rules(*daily), PAYS)))

    @pytest.mark.parametrize(
        ("change", "code", "field"),
        [
            ({"currency": "EUR"}, "odds_plan_invalid", "currency"),
            ({"phases": ()}, "odds_plan_invalid", "phases"),
            ({"initial_minor": 0}, "odds_plan_invalid", "initial_minor"),
            ({"style": replace(FLIP, win_rate=1.2)}, "odds_style_invalid", "win_rate"),
            ({"style": replace(FLIP, win_rate=math.nan)}, "odds_style_invalid", "win_rate"),
            ({"style": replace(FLIP, win_rate=0.9, streak=-0.5)}, "odds_style_invalid", "streak"),
            ({"style": History(days=((0.1,),), active_share=1)}, "odds_style_invalid", "days"),
            ({"habits": Habits(max_resets=9)}, "odds_habits_invalid", "max_resets"),
            ({"horizon_days": 0}, "odds_plan_invalid", "horizon_days"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_simulated_is_refused(self, change, code, field):
        made = {"phases": (PAYS,), "initial_minor": INITIAL, "price_minor": 0, "currency": "USD"}
        asked = OddsPlan(**{**made, **{key: value for key, value in change.items() if key in made}})
        more = {key: value for key, value in change.items() if key in ("habits", "horizon_days")}
        with pytest.raises(Invalid) as caught:
            odds(asked, change.get("style", FLIP), paths=10, **more)
        assert caught.value.code == code
        assert caught.value.details["problems"][0]["field"] == field


class TestHistory:
    def test_a_history_of_one_result_is_that_result(self):
        won = History.of([[0.01]] * 30, 1.0, sessions=365)
        found = walk(plan(PAYS), won, paths=2, seed=1, habits=PLAIN, horizon_days=3, phase_days=1)
        assert found.payouts.tolist() == [1, 1]
        assert found.paid.tolist() == [80_000.0] * 2

    def test_days_come_in_blocks(self):
        days = [[0.001]] * 500 + [[-0.001]] * 500
        rng = np.random.default_rng(4)
        history = History.of(days, 1.0)
        board = Board(compiled(rules(floor(90))), np.arange(400), np.full(400, 1e7), np.zeros(400))
        source, signs = Blocks([history], np.zeros(400, dtype=np.int64), rng), []
        for _ in range(40):
            board.prepare()
            source.open(rng, board, 1.0)
            signs.append(np.sign(source.trade(rng, 0, board).pnl))
        changes = np.mean(np.array(signs)[1:] != np.array(signs)[:-1])
        assert changes == pytest.approx(0.5 / history.block, rel=0.15)
        assert np.mean(signs) == pytest.approx(0, abs=0.1)

    def test_a_busy_day_keeps_its_sum(self):
        history = History.of([[0.001] * 70], 1.0)
        assert len(history.days[0]) == 20
        assert sum(history.days[0]) == pytest.approx(0.07)


class TestFirm:
    def test_at_the_price_that_breaks_even_the_firm_has_nothing_of_it(self):
        funded = rules(floor(), payout(), {"kind": "second_chance", "refund_fee_with_payout": 1})
        chance = {"kind": "second_chance", "reset_price": "80"}
        phases = (rules(floor(), target(), chance), funded)
        mix = [STYLES["day-trader"].style, STYLES["coin-flip"].style]
        more = {"paths": 2_000, "habits": Habits(max_resets=1), "horizon_days": 60}
        found = firm(plan(*phases), mix, [1, 3], **more)
        assert found.liability.value > found.revenue.value
        assert found.margin.value == pytest.approx(found.value.value / found.revenue.value)
        fair = firm(plan(*phases, price=found.break_even_price_minor), mix, [1, 3], **more)
        assert abs(fair.value.value) <= 2
        assert [style.weight for style in fair.styles] == [0.25, 0.75]
        json.dumps(fair.to_json())

    def test_a_fee_that_everybody_gets_back_breaks_even_nowhere(self):
        funded = rules(floor(), payout(), {"kind": "second_chance", "refund_fee_with_payout": 1})
        win = Style(win_rate=1, payoff=1, trades_per_day=1, risk_percent=1)
        found = firm(plan(funded), [win], [1], paths=500, horizon_days=20)
        assert found.break_even_price_minor is None
        assert found.to_json()["break_even"] is None

    @pytest.mark.parametrize("weights", [[], [-1], [0], [1, 1]])
    def test_a_mix_needs_its_shares(self, weights):
        with pytest.raises(Invalid, match="shares"):
            firm(plan(PAYS), [FLIP], weights)


class TestStyleRead:
    def test_a_preset_can_be_changed(self):
        assert odds_style_read({"preset": "swing"}) == STYLES["swing"].style
        changed = odds_style_read({"preset": "swing", "win_percent": "55", "uses_stop": "false"})
        assert (changed.win_rate, changed.payoff, changed.uses_stop, changed.name) == (0.55, 1.8, False, "")

    def test_all_presets_are_sound(self):
        assert not [problem for preset in STYLES.values() for problem in preset.style.problems()]

    @pytest.mark.parametrize(
        ("data", "fields"),
        [
            ({}, ["win_percent", "payoff", "trades_per_day", "risk_percent"]),
            ({"preset": "lucky"}, ["preset", "win_percent", "payoff", "trades_per_day", "risk_percent"]),
            ({"preset": "swing", "win_percent": "101"}, ["win_percent"]),
            ({"preset": "swing", "payoff": "NaN", "risk_percent": True}, ["payoff", "risk_percent"]),
            ({"preset": "swing", "uses_stop": "perhaps"}, ["uses_stop"]),
            ({"preset": "swing", "win_percent": 90, "streak": "-0.5"}, ["streak"]),
        ],
    )
    def test_what_is_wrong_is_named(self, data, fields):
        with pytest.raises(Invalid) as caught:
            odds_style_read(data)
        assert caught.value.code == "odds_style_invalid"
        assert [problem["field"] for problem in caught.value.details["problems"]] == fields
