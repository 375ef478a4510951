"""Templates: as JSON and back, when the next is due, and the contests that they make."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from contests.domain.admission import Admission
from contests.domain.constraints import Constraints
from contests.domain.definition import ContestSpec
from contests.domain.sharing import Sharing
from contests.domain.stakes import Stakes
from contests.domain.stretches import (
    BLEED,
    CRASH,
    KINDS,
    RANGE,
    RECOVERY,
    WHIPLASH,
    Prices,
    facts_find,
    stretch_find,
    symbols_find,
)
from contests.domain.templates import (
    DAILY,
    HOURLY,
    MONTHLY,
    NONE,
    WEEKDAYS,
    WEEKLY,
    Facts,
    anchor_of,
    document_of,
    facts_of,
    lasts_of,
    lead,
    next_start,
    spec_from,
)
from contests.models import Contest, ContestTemplate
from contests.selectors.templates import template_get
from contests.services import templates as service
from contests.services.arena_setup import READY, Plan, history_read, template_find, templates_setup
from contests.services.templates import TemplateOrder
from contests.tests.factories import OPERATOR, spec
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from core.money import Money
from marketdata.models import Exchange, MarketPolicy
from marketdata.selectors.exchange_rows import sessions_forget
from marketdata.tests.factories import InstrumentFactory, bars_create
from trading.tests.factories import actor, user

AT = datetime(2026, 3, 27, 12, tzinfo=UTC)
_CONSTRAINTS = st.builds(
    Constraints,
    max_position_pct=st.none() | st.decimals("0.1", "100", places=1).map(lambda number: number.normalize() + 0),
    max_trades_per_day=st.none() | st.integers(1, 1000),
    short_selling=st.booleans(),
    min_trades=st.none() | st.integers(1, 50),
)
_STAKES = st.sampled_from([
    {}, {"currency": "EUR", "fee_minor": 500, "prizes": [{"first": 1, "last": 2, "share_bp": 5000}]},
    {"currency": "USD", "added_minor": 10_000, "prizes": [{"first": 1, "amount_minor": 9_000, "badge": "Gold"},
                                                         {"first": 2, "last": 4, "share_bp": 100}]},
]).map(Stakes.from_json)  # fmt: skip
_SPECS = st.builds(
    ContestSpec,
    slug=st.just("a"),
    name=st.text(min_size=1, max_size=120),
    market=st.fixed_dictionaries({"start": st.just("2020-01-01"), "end": st.just("2020-02-01"),
                                  "symbols": st.lists(st.sampled_from(["A", "B", "C"]), unique=True, min_size=1),
                                  "mask": st.booleans(), "seed": st.integers(0, 2**40)}),
    initial_balance=st.builds(Money, st.integers(1, 10**14), st.sampled_from(["USD", "JPY"])),
    agent_interval_minutes=st.integers(1, 525_600),
    description=st.text(max_size=50),
    visibility=st.sampled_from(["public", "private"]),
    capacity=st.integers(1, 100_000),
    allowed_symbols=st.lists(st.sampled_from(["A", "B"]), unique=True).map(tuple),
    constraints=_CONSTRAINTS,
    agents=st.lists(st.sampled_from(["momentum", "dice"]), unique=True).map(tuple),
    is_featured=st.booleans(),
    auto_renew=st.booleans(),
    stakes=_STAKES,
    admission=st.builds(Admission, st.booleans(), st.sampled_from([(), ("example.com",)])),
    scoring=st.sampled_from(["value", "calmar"]),
    sharing=st.sampled_from([Sharing(), Sharing("live", comments=False), Sharing("delayed", 30)]),
    sponsors=st.sampled_from([(), ({"name": "Acme", "url": "https://acme.example"},)]),
)  # fmt: skip


@given(_SPECS)
def test_a_spec_comes_back_from_its_document(given_spec):
    document = json.loads(json.dumps(document_of(given_spec, lasts=timedelta(hours=3), facts=Facts(5, 1234))))
    read = spec_from(document, slug="b", starts_at=AT, invite_code="secret")
    assert read == replace(given_spec, slug="b", starts_at=AT, ends_at=AT + timedelta(hours=3), invite_code="secret")
    assert (lasts_of(document), facts_of(document)) == (timedelta(hours=3), Facts(5, 1234))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"slug": "x"}, "slug"),
        ({"name": None}, "name"),
        ({"market": []}, "market"),
        ({"capacity": True}, "capacity"),
        ({"initial_balance": {"currency": "USD", "minor": "5"}}, "initial_balance"),
        ({"lasts_minutes": 0}, "lasts_minutes"),
        ({"agents": "momentum"}, "agents"),
    ],
    ids=["unknown", "its own address", "no name", "market", "capacity", "balance", "length", "agents"],
)
def test_a_document_that_makes_no_sense_names_the_field(change, name):
    given_spec = ContestSpec("a", "A", {"symbols": ["A"]}, Money(1, "USD"), 10)
    with pytest.raises(Invalid) as caught:
        spec_from({**document_of(given_spec), **change}, slug="b")
    assert caught.value.details["field"] == name


def wall(*parts):
    """What a clock on the wall shows."""
    return datetime(*parts)  # noqa: DTZ001


def starts(cadence, zone, anchor, after, count):
    out = []
    for _ in range(count):
        after = next_start(cadence, zone, anchor, after)
        out.append(after)
    return out


def test_the_local_time_stays_across_the_change_of_the_clock():
    anchor = wall(2026, 3, 27, 18, 0)
    local = [at.astimezone(ZoneInfo("Europe/Berlin")) for at in starts(DAILY, "Europe/Berlin", anchor, AT, 4)]
    assert [(at.day, at.hour) for at in local] == [(27, 18), (28, 18), (29, 18), (30, 18)]
    assert [at.astimezone(UTC).hour for at in local] == [17, 17, 16, 16]
    autumn = starts(DAILY, "America/New_York", anchor, datetime(2026, 10, 31, 12, tzinfo=UTC), 2)
    assert [at.hour for at in autumn] == [22, 23]


def test_a_local_time_that_is_left_out_comes_later_and_the_one_that_is_there_twice_comes_once():
    night = wall(2026, 3, 1, 2, 30)
    spring = starts(DAILY, "Europe/Berlin", night, datetime(2026, 3, 28, 12, tzinfo=UTC), 2)
    assert spring == [datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 3, 30, 0, 30, tzinfo=UTC)]
    autumn = starts(DAILY, "Europe/Berlin", night, datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert autumn == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("cadence", "days"),
    [
        (WEEKDAYS, [27, 30, 31]),
        (WEEKLY, [31, 7, 14]),
        (MONTHLY, [31, 30, 31]),
    ],
    ids=["weekdays", "weekly", "monthly"],
)
def test_each_cadence_falls_on_its_days(cadence, days):
    assert [at.day for at in starts(cadence, "UTC", wall(2026, 3, 31, 18), AT, 3)] == days


def test_a_month_that_is_too_short_does_not_shorten_those_after_it():
    found = starts(MONTHLY, "UTC", wall(2026, 1, 31, 9), datetime(2026, 1, 31, 10, tzinfo=UTC), 3)
    assert [(at.month, at.day) for at in found] == [(2, 28), (3, 31), (4, 30)]


def test_each_hour_comes_once_on_the_night_of_the_change():
    found = starts(HOURLY, "Europe/Berlin", wall(2026, 1, 1, 0, 15), datetime(2026, 10, 24, 23, 15, tzinfo=UTC), 4)
    assert [at.isoformat()[8:16] for at in found] == ["25T00:15", "25T01:15", "25T02:15", "25T03:15"]
    half = next_start(HOURLY, "Asia/Kolkata", wall(2026, 1, 1, 0, 0), datetime(2026, 1, 1, 12, 1, tzinfo=UTC))
    assert half == datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
    assert (lead(HOURLY), lead(MONTHLY)) == (timedelta(hours=1), timedelta(days=1))


def walk(moves):
    closes = 100 * np.exp(np.cumsum(np.array(moves), axis=0))
    return Prices(opens=closes.copy(), closes=closes)


def test_the_stretches_are_found_where_they_are():
    rng = np.random.default_rng(5)
    moves = rng.normal(0, 0.01, (600, 3))
    moves[100:110] -= 0.03  # a crash of ten days
    moves[200:300] = -0.003 + rng.normal(0, 0.001, (100, 3))  # a hundred days of bleeding
    moves[300:360] += 0.009  # and the way back
    moves[450:500] = rng.normal(0, 0.0001, (50, 3))  # nothing
    prices = walk(moves)
    # It begins a quarter into the stretch.
    assert abs(stretch_find(CRASH, prices, 20) - 95) <= 2
    assert 195 <= stretch_find(BLEED, prices, 90) <= 215
    assert abs(stretch_find(RECOVERY, prices, 60) - 300) <= 5
    assert 449 <= stretch_find(RANGE, prices, 40) <= 460
    prices.opens[520:530, 1] *= 1.2
    first = stretch_find(WHIPLASH, prices, 15)
    assert 515 <= first <= 520
    assert symbols_find(WHIPLASH, prices, first, 15, 1) == [1]
    assert facts_find(prices, 450, 50).difficulty == "Calm"
    assert facts_find(walk(moves * 4), 0, 50).difficulty == "Wild"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_too_short_is_refused(kind):
    prices = walk(np.zeros((30, 2)))
    with pytest.raises(Invalid, match="too little history"):
        stretch_find(kind, prices, 20, warmup=20)
    with pytest.raises(Invalid, match="5 to 750"):
        stretch_find(kind, prices, 4)
    assert 5 <= stretch_find(kind, prices, 20, warmup=5) <= 10


def test_the_symbols_are_most_of_those_that_show_it_and_some_that_do_not():
    moves = np.zeros((50, 8))
    moves[10:20] = -np.arange(8) / 100
    assert symbols_find(CRASH, walk(moves), 0, 50, 4) == [0, 5, 6, 7]


def order(**fields):
    values = {"name": "Daily sprint", "spec": spec(), "blurb": "Short."}
    return TemplateOrder(**{**values, **fields})


def daily(slug="sprint", **fields):
    made = order(cadence=DAILY, zone="Europe/Berlin", next_at=datetime(2026, 3, 28, 17, tzinfo=UTC), **fields)
    return service.template_create(actor=OPERATOR, slug=slug, order=made)


@pytest.mark.django_db
def test_an_operator_keeps_templates():
    boss = actor(user(is_staff=True, role="moderator"))
    boss = replace(boss, is_staff=True)
    made = service.template_create(actor=boss, slug="sprint", order=order())
    assert (made.name, made.cadence, made.next_at, made.is_active) == ("Daily sprint", NONE, None, True)
    with pytest.raises(Conflict):
        service.template_create(actor=boss, slug="sprint", order=order())
    changed = service.template_update(actor=boss, slug="sprint", order=order(name="Other", next_at=AT, cadence=WEEKLY))
    assert (changed.name, changed.next_at, anchor_of(changed.document)) == ("Other", AT, AT.replace(tzinfo=None))
    kept = service.template_update(actor=boss, slug="sprint", order=order(name="Again", cadence=WEEKLY))
    assert anchor_of(kept.document) == AT.replace(tzinfo=None)
    assert kept.next_at is not None
    assert kept.next_at > datetime.now(tz=UTC)
    for _ in range(2):
        assert not service.template_deactivate(actor=boss, slug="sprint").is_active
    verbs = list(AuditEntry.objects.filter(subject_type="contest_template").values_list("action", flat=True))
    assert sorted(verbs) == ["template.changed", "template.changed", "template.created", "template.deactivated"]
    assert OutboxEvent.objects.filter(topic="contests.template_deactivated").count() == 1
    with pytest.raises(Conflict, match="not in use"):
        service.contest_from_template(actor=boss, template="sprint", starts_at=AT)


@pytest.mark.django_db
def test_nobody_else_does():
    service.template_create(actor=OPERATOR, slug="sprint", order=order())
    who = actor(user())
    for call in (
        lambda: service.template_create(actor=who, slug="mine", order=order()),
        lambda: service.template_update(actor=who, slug="sprint", order=order()),
        lambda: service.template_deactivate(actor=who, slug="sprint"),
        lambda: service.contest_from_template(actor=who, template="sprint", starts_at=AT),
    ):
        with pytest.raises(Forbidden):
            call()
    with pytest.raises(NotFound):
        service.template_update(actor=OPERATOR, slug="none", order=order())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("slug", "fields"),
    [
        ("Not A Slug", {}),
        ("a" * 45, {}),
        ("fine", {"name": " "}),
        ("fine", {"blurb": "x" * 201}),
        ("fine", {"cadence": "yearly"}),
        ("fine", {"cadence": DAILY}),
        ("fine", {"zone": "Mars/Base"}),
        ("fine", {"zone": "../../etc/passwd"}),
    ],
    ids=["slug", "long slug", "no name", "long blurb", "cadence", "no first time", "zone", "zone as a path"],
)
def test_what_makes_no_template_is_refused(slug, fields):
    with pytest.raises(Invalid):
        service.template_create(actor=OPERATOR, slug=slug, order=order(**fields))


@pytest.mark.django_db
def test_the_arena_plays_for_nothing():
    paid = Stakes.from_json({"currency": "USD", "fee_minor": 500, "prizes": [{"first": 1, "share_bp": 10_000}]})
    for wrong in (spec(stakes=paid), spec(admission=Admission(email_domains=("example.com",)))):
        with pytest.raises(Invalid, match="for everyone and for nothing"):
            service.template_create(actor=OPERATOR, slug="arena", order=order(spec=wrong, is_arena=True))


@pytest.mark.django_db
def test_contests_of_a_template_have_addresses_of_their_own():
    service.template_create(actor=OPERATOR, slug="sprint", order=order(spec=spec(market={"mask": True})))
    made = [service.contest_from_template(actor=OPERATOR, template="sprint", starts_at=AT) for _ in range(3)]
    assert [one.slug for one in made] == ["sprint-20260327", "sprint-20260327-2", "sprint-20260327-3"]
    assert {one.status for one in made} == {"scheduled"}
    rows = Contest.objects.select_related("template", "market")
    assert {row.template.slug for row in rows} == {"sprint"}
    assert len({row.market.definition["seed"] for row in rows}) == 3, "each run hides its names anew"


@pytest.mark.django_db
def test_a_recurring_template_makes_each_contest_once_and_a_day_ahead():
    daily()
    start = datetime(2026, 3, 28, 17, tzinfo=UTC)
    assert service.templates_run(start - timedelta(days=1, seconds=1)) == []
    assert service.templates_run(start - timedelta(days=1)) == ["sprint-20260328"]
    assert service.templates_run(start - timedelta(hours=20)) == []
    # The clock is moved on the 29th: six in the evening is an hour earlier in UTC.
    assert template_get("sprint").next_at == datetime(2026, 3, 29, 16, tzinfo=UTC)
    assert Contest.objects.get().starts_at == start


@pytest.mark.django_db
def test_who_slept_makes_the_next_only():
    daily()
    awake = datetime(2026, 4, 10, 12, tzinfo=UTC)
    assert service.templates_run(awake) == ["sprint-20260410"]
    assert service.templates_run(awake) == []
    assert template_get("sprint").next_at == datetime(2026, 4, 11, 16, tzinfo=UTC)
    assert Contest.objects.count() == 1


@pytest.mark.django_db
def test_one_that_cannot_does_not_keep_the_others(caplog):
    daily("broken", spec=spec(market={"symbols": ["GONE"]}))
    daily("sprint")
    at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert service.templates_run(at) == ["sprint-20260328"]
    assert "could not make its contest" in caplog.text
    assert template_get("broken").next_at == datetime(2026, 3, 28, 17, tzinfo=UTC), "it is tried again"


@pytest.mark.django_db(transaction=True)
def test_several_workers_make_it_once():
    daily()
    at = datetime(2026, 3, 28, 12, tzinfo=UTC)

    def run(_):
        try:
            return service.templates_run(at)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        made = [slug for found in pool.map(run, range(6)) for slug in found]
    assert made == ["sprint-20260328"]
    assert Contest.objects.count() == 1


@pytest.mark.django_db
def test_the_ready_ones_are_made_once_from_the_demo_history():
    call_command("generate_demo_history", verbosity=0)
    said = []
    assert templates_setup(say=said.append) == len(READY) == len(said)
    assert templates_setup(say=said.append) == 0
    rows = {row.slug: row for row in ContestTemplate.objects.all()}
    for plan in READY:
        market = rows[plan.slug].document["market"]
        assert market["mask"]
        assert rows[plan.slug].is_arena
        assert abs(template_get(plan.slug).minutes - plan.minutes) <= 1
        assert rows[plan.slug].document["initial_balance"] == {"currency": "USD", "minor": 100_000_000}
    # What was found is what it says.
    history = history_read(rows["trade-a-crash"].document["market"]["symbols"])

    def change(slug):
        document = rows[slug].document
        first = [day.isoformat() for day in history.dates].index(document["market"]["start"])
        level = history.prices.level[first : first + document["facts"]["days"]]
        return level[-1] / level[0] - 1, level.min() / level[0] - 1

    assert change("trade-a-crash")[1] < -0.2
    made = service.contest_from_template(actor=OPERATOR, template="quiet-range", starts_at=AT)
    assert (made.status, made.is_masked, made.stakes.to_json()) == ("scheduled", True, {})


@pytest.mark.django_db
def test_without_the_demo_history_there_is_nothing_to_make():
    assert templates_setup(say=print) == 0
    assert not ContestTemplate.objects.exists()


def history(symbol, exchange="TEST", days=220):
    draw = random.Random(symbol)
    rows, level = [], 100.0
    for day in range(days):
        level *= 0.94 if 150 <= day < 156 else 1 + draw.uniform(-0.005, 0.005)
        rows.append((f"{level:.2f}", f"{level * 1.01:.2f}", f"{level * 0.99:.2f}", f"{level:.2f}"))
    bars_create(InstrumentFactory(symbol=symbol, exchange=exchange, is_simulated=False), rows)


@pytest.mark.django_db
def test_a_template_of_history_that_was_imported(capsys):
    for symbol in ("AAA", "BBB"):
        history(symbol)
    call_command("contest_template", "aaa", "BBB", "--find", "crash", "--days", "24", "--slug", "the-fall")
    made = template_get("the-fall")
    assert made.market["symbols"] == ["AAA", "BBB"]
    days = history_read(["AAA", "BBB"]).dates
    assert [day.isoformat() for day in days].index(made.market["start"]) in range(140, 149)
    assert "the-fall: " in capsys.readouterr().out
    for wrong in (["NONE"], ["AAA"]):
        with pytest.raises(CommandError):
            call_command("contest_template", *wrong, "--find", "crash", "--days", "300")


@pytest.mark.django_db
def test_prices_that_may_not_be_used_so_make_no_template():
    history("AAA", exchange="XNEW")
    exchange = Exchange.objects.create(code="XNEW", name="New", country="US", zone="UTC", currency="USD")
    MarketPolicy.objects.create(
        exchange=exchange, valid_from=date(2000, 1, 1), allows_money=False, lag_minutes=20_000_000, reason="Ask them."
    )
    sessions_forget()
    plan = Plan("fall", "Fall", "", CRASH, 24, 14, 20, 1)
    with pytest.raises(Invalid, match="Ask them") as caught:
        template_find(actor=OPERATOR, plan=plan, history=history_read(["AAA"]))
    assert caught.value.code == "market_policy"
