"""The demo: complete, repeatable, with passwords of its own."""

import json
import stat
from io import StringIO
from unittest.mock import patch

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from accounts.models import User
from ai_strategies import selectors
from ai_strategies.models import Agent
from ai_strategies.services import demo
from ai_strategies.services.demo_cast import AGENTS
from contests import selectors as contest_selectors
from contests.models import Contest
from marketdata.services.ticks import market_step
from trading.models import Account, Adjustment, Fill

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def seed() -> str:
    out = StringIO()
    call_command("seed_demo", force=True, stdout=out)
    return out.getvalue()


def test_the_demo_is_made_once_and_stays_and_shows_what_there_is(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    with patch.object(demo, "WARM_TICKS", 6):
        assert "ready" in seed()
    signins = json.loads(demo.signins_path().read_text())
    assert stat.S_IMODE(demo.signins_path().stat().st_mode) == 0o600
    assert {item["role"] for item in signins} == {"operator", "trader", "extra"}
    assert len({item["password"] for item in signins}) == len(signins)
    for item in signins:
        assert authenticate(None, email=item["email"], password=item["password"]) is not None
    boss = User.objects.get(email=signins[0]["email"])
    assert (boss.is_staff, boss.is_superuser, boss.is_admin) == (True, True, True)
    arena = contest_selectors.featured()
    assert (arena.slug, arena.status, arena.is_simulated, arena.auto_renew) == ("the-arena", "active", True, True)
    rows = contest_selectors.standings(arena.id)
    assert len([row for row in rows if row.kind == "agent"]) == len(AGENTS) == Agent.objects.count()
    assert len([row for row in rows if row.kind == "person" and row.rank]) == 2
    assert selectors.decisions(contest_id=arena.id)
    statuses = dict(Contest.objects.values_list("slug", "status"))
    assert statuses.pop("long-and-short") == statuses.pop("live-floor") == "active"
    assert statuses == {"the-arena": "active", "blind-sprint": "scheduled", "opening-week": "ended"}
    counts = (User.objects.count(), Fill.objects.count())
    assert "is there" in seed()
    demo.demo_seed(say=lambda _: None)
    assert (User.objects.count(), Fill.objects.count()) == counts
    assert json.loads(demo.signins_path().read_text()) == signins
    margin_charges_and_corporate_actions_show()


def margin_charges_and_corporate_actions_show():
    contest = contest_selectors.contest_by_slug("long-and-short")
    accounts = Account.objects.filter(pk__in=[row.account_id for row in contest_selectors.standings(contest.id)])
    assert accounts
    assert all(account.is_margin for account in accounts)
    assert all(fill.charges for fill in Fill.objects.filter(account__in=accounts))
    market_step(market_id=contest.market_id, ticks=14 * 10)
    splits = Adjustment.objects.filter(account__in=accounts, kind="split")
    assert {row.quantity_after / row.quantity_before for row in splits} == {2}


def test_the_demo_is_not_put_on_a_real_installation():
    with pytest.raises(CommandError, match="--force"):
        call_command("seed_demo")


def test_a_lost_file_gets_new_passwords(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    demo.signins_write(demo.signins_keep())
    old = json.loads(demo.signins_path().read_text())
    demo.signins_path().unlink()
    demo.signins_write(demo.signins_keep())
    fresh = json.loads(demo.signins_path().read_text())
    assert fresh[0]["password"] != old[0]["password"]
    assert authenticate(None, email=fresh[0]["email"], password=fresh[0]["password"]) is not None
