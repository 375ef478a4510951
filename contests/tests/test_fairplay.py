"""The scan: what it finds in a contest's rows, writes once, and brings back."""

from datetime import timedelta

import numpy as np
import pytest

from accounts.models import AbuseLead, Notification
from contests.models import Contest, Finding, Participant
from contests.selectors import contest_by_id
from contests.services.fairplay import fairplay_scan, fairplay_scan_due, finding_dismiss, finding_uphold
from contests.tests.factories import contest, joined
from contests.tests.fairplay_rows import START, crowd_join, finding, orders_write, steady
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from marketdata import selectors as market_selectors
from marketdata.models import LiveTick
from marketdata.tests.live import live_market, simulated
from trading.domain.types import Actor
from trading.tests.factories import actor, user
from trading.tests.pair_rows import copy_of, crowd

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "They sat next to each other."


def moderator():
    return actor(user(role="moderator"))


def shown(view):
    rows = Finding.objects.filter(contest_id=view.id).order_by("kind", "id")
    return [(row.kind, row.participant.account_id, row.other and row.other.account_id) for row in rows]


def test_in_a_contest_of_three_hundred_the_planted_cheats_are_found_and_nobody_else():
    view = contest()
    accounts = crowd_join(view, 300)
    rng = np.random.default_rng(11)
    rows = crowd(rng, 297, 6, listings=2, most=16)
    rows = np.concatenate(
        [rows, copy_of(rows, 20, 298, rng), copy_of(rows, 40, 299, rng), copy_of(rows, 60, 300, rng, flip=True)], axis=1
    )
    orders_write(view, [(accounts[who - 1], symbol, side, at / 1e6) for who, symbol, side, at in rows.T])
    done = fairplay_scan(contest_id=view.id)
    expected = [("mirrored", accounts[19], accounts[297]), ("mirrored", accounts[39], accounts[298]),
                ("opposite", accounts[59], accounts[299])]  # fmt: skip
    assert sorted(shown(view)) == expected
    assert done.new == 3
    assert all(60 <= row.score <= 100 for row in Finding.objects.all())


def test_a_scan_repeated_changes_nothing_and_tells_the_moderators_once():
    view = contest()
    who = moderator()
    (first, _), (second, _) = joined(view), joined(view)
    orders_write(view, steady(first) + steady(second, shift=1.5))
    assert fairplay_scan(contest_id=view.id).new == 1
    again = fairplay_scan(contest_id=view.id)
    assert (again.new, again.updated, again.reopened) == (0, 0, 0)
    row = Finding.objects.get()
    assert row.evidence["together"] == 12
    assert row.evidence["matches"][0]["symbol"] in ("AAA", "BBB")
    assert OutboxEvent.objects.filter(topic="contests.contest_findings").count() == 1
    assert Notification.objects.filter(user_id=who.user_id, kind="fair_play_queue").count() == 1


def test_exits_and_what_the_house_does_are_nobodys_decision():
    view = contest()
    (first, _), (second, _) = joined(view), joined(view)
    orders_write(view, steady(first))
    orders_write(view, steady(second, shift=1.5), role="stop_loss")
    orders_write(view, steady(second, shift=1), source="margin")
    assert fairplay_scan(contest_id=view.id).new == 0


def test_who_follows_an_agent_is_found_and_agents_are_not():
    view = contest()
    robot, twin, person = joined(view, kind="agent")[0], joined(view, kind="agent")[0], joined(view)[0]
    orders_write(view, steady(robot) + steady(twin) + steady(person, shift=2))
    fairplay_scan(contest_id=view.id)
    assert {(one[1], one[2]) for one in shown(view)} == {(person, robot), (person, twin)}


def test_who_hunts_stale_prices_of_a_live_market_is_found():
    view = contest()
    live = live_market(*simulated("SIMA"))
    Contest.objects.filter(pk=view.id).update(market_id=live.id)
    view = contest_by_id(view.id)
    (hunter, _), (honest, _) = joined(view), joined(view)
    (listing,) = market_selectors.listings(live.id)
    prices = 100 + np.cumsum(np.where(np.random.default_rng(3).random(200) < 0.5, 1, -1))
    LiveTick.objects.bulk_create(
        LiveTick(
            market_id=live.id, index=tick, at=START + timedelta(seconds=10 * tick), session_date=START.date(),
            session_tick=0, day_index=0, prices={str(listing.id): str(price)},
        )
        for tick, price in enumerate(prices.tolist())
    )  # fmt: skip

    def quote_at(seconds):
        return int(seconds // 10), str(prices[int(seconds // 10)])

    ahead = [(hunter, 0, 1 if prices[tick + 1] > prices[tick] else -1, 10 * tick + 9) for tick in range(0, 190, 5)]
    orders_write(view, ahead, quote_at=quote_at)
    orders_write(view, [(honest, 0, 1, 10 * tick + tick % 10) for tick in range(2, 190, 5)], quote_at=quote_at)
    fairplay_scan(contest_id=view.id)
    assert shown(view) == [("stale_prices", hunter, None)]
    assert Finding.objects.get().evidence["late_and_gained"] == len(ahead)


def test_people_who_share_a_device_are_found_unless_that_was_harmless():
    view = contest()
    (first, one), (second, two), (_, three) = joined(view), joined(view), joined(view)
    harmless = AbuseLead.objects.create(key="device:b", kind="device", score=90, status="dismissed")
    harmless.users.add(one.user_id, three.user_id)
    outside = AbuseLead.objects.create(key="device:c", kind="device", score=90)
    outside.users.add(three.user_id, user().pk)
    AbuseLead.objects.create(key="device:a", kind="device", score=75).users.add(one.user_id, two.user_id)
    fairplay_scan(contest_id=view.id)
    assert shown(view) == [("shared_identity", first, second)]
    assert Finding.objects.get().score == 75


def test_a_dismissed_finding_comes_back_when_its_score_has_grown_by_ten():
    view = contest()
    (_, one), (_, two) = joined(view), joined(view)
    lead = AbuseLead.objects.create(key="device:a", kind="device", score=70)
    lead.users.add(one.user_id, two.user_id)
    fairplay_scan(contest_id=view.id)
    row = Finding.objects.get()
    finding_dismiss(actor=moderator(), finding_id=row.pk, note=WHY)
    for score, status in ((79, "dismissed"), (80, "open")):
        AbuseLead.objects.update(score=score)
        fairplay_scan(contest_id=view.id)
        row.refresh_from_db()
        assert (row.status, row.score) == (status, 70 if status == "dismissed" else 80)
    assert AuditEntry.objects.filter(action="finding.reopened").count() == 1


def test_an_upheld_finding_stays_as_it_is():
    view = contest()
    (first, one), (second, two) = joined(view), joined(view)
    row = finding(view, first, second, kind="shared_identity", score=61, evidence={"shared": [], "accounts": []})
    finding_uphold(actor=moderator(), finding_id=row.pk, kind="warn", reason=WHY)
    AbuseLead.objects.create(key="device:a", kind="device", score=90).users.add(one.user_id, two.user_id)
    fairplay_scan(contest_id=view.id)
    row.refresh_from_db()
    assert (row.status, row.score) == ("upheld", 61)


def test_those_who_are_out_already_make_no_new_findings():
    view = contest()
    (first, _), (second, _) = joined(view), joined(view)
    orders_write(view, steady(first) + steady(second, shift=1.5))
    Participant.objects.update(status="barred")
    assert fairplay_scan(contest_id=view.id).new == 0


def test_the_run_looks_at_running_contests_and_at_results_that_may_be_disputed():
    running, draft, ended = contest(), contest(started=False), contest()
    long_over = contest()
    Contest.objects.filter(pk=ended.id).update(status="ended", ended_at="2099-01-01T00:00Z")
    Contest.objects.filter(pk=long_over.id).update(status="ended", ended_at="2020-01-01T00:00Z")
    done = fairplay_scan_due()
    assert set(done) == {running.id, ended.id}
    assert draft.id not in done
    with pytest.raises(NotFound):
        fairplay_scan(contest_id=0)


def test_a_scan_costs_the_same_number_of_statements_however_many_trade(django_assert_max_num_queries):
    view = contest()
    accounts = [joined(view)[0] for _ in range(10)]
    orders_write(view, [row for number, one in enumerate(accounts) for row in steady(one, shift=number // 2 * 97)])
    with django_assert_max_num_queries(25):
        assert fairplay_scan(contest_id=view.id).new == 5


def test_a_finding_is_decided_once_by_a_moderator_whom_it_is_not_about():
    view = contest()
    (first, one), (second, _) = joined(view, role="moderator"), joined(view)
    row = finding(view, second, first)
    for who in (one, Actor(user_id=user().pk), Actor(user_id=None, is_staff=True)):
        with pytest.raises(Forbidden):
            finding_dismiss(actor=who, finding_id=row.pk, note=WHY)
        with pytest.raises(Forbidden):
            finding_uphold(actor=who, finding_id=row.pk, kind="warn", reason=WHY)
    boss = moderator()
    for note in ("", "  short ", "x" * 501):
        with pytest.raises(Invalid):
            finding_dismiss(actor=boss, finding_id=row.pk, note=note)
    for values in ({"kind": "reinstate"}, {"kind": "banish"}, {"kind": "warn", "whom": "everyone"}):
        with pytest.raises(Invalid):
            finding_uphold(actor=boss, finding_id=row.pk, reason=WHY, **values)
    assert len(finding_uphold(actor=boss, finding_id=row.pk, kind="exclude", reason=WHY, whom="both")) == 2
    assert set(Participant.objects.values_list("status", flat=True)) == {"excluded"}
    with pytest.raises(Conflict) as refused:
        finding_dismiss(actor=boss, finding_id=row.pk, note=WHY)
    assert refused.value.code == "finding_decided"
    row.refresh_from_db()
    assert (row.status, row.note, row.decided_by_id) == ("upheld", WHY, boss.user_id)
    with pytest.raises(NotFound):
        finding_dismiss(actor=boss, finding_id=0, note=WHY)


def test_a_finding_about_one_has_no_other_to_sanction():
    view = contest()
    row = finding(view, joined(view)[0])
    for whom in ("other", "both"):
        with pytest.raises(Invalid):
            finding_uphold(actor=moderator(), finding_id=row.pk, kind="warn", reason=WHY, whom=whom)
