"""Plans: read with their mistakes named, offered once, kept as they were sold."""

import copy

import pytest
from django.db import DatabaseError, transaction

from core.errors import Conflict, Invalid
from propfirm.domain.plans import PlanDefinition
from propfirm.domain.presets import presets
from propfirm.domain.references import wanted, wanted_of
from propfirm.models import PropPlan
from propfirm.services.plans import plan_draft, plan_offer, plan_withdraw, plans_sync
from propfirm.tests import factories as make
from trading.domain.types import SYSTEM
from trading.models import RuleSet


@pytest.mark.parametrize("document", presets(), ids=lambda item: item["code"])
def test_every_plan_that_ships_reads_and_says_what_it_means(document):
    read = PlanDefinition.from_json(document)
    assert read.phases[-1].kind == "funded"
    assert all(words for *_, words in read.told(read.codes))
    assert read.price_with(read.codes) >= read.price_minor


def test_the_two_challenges_ship():
    sizes = {item["code"]: (item["size"], item["price"]) for item in presets()}
    assert sizes["challenge-50k"] == ("50000", "99")
    assert sizes["challenge-100k"] == ("100000", "149")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"code": "Not A Code"}, "code"),
        ({"size": "0"}, "size"),
        ({"size": 100}, "size"),
        ({"price": "1.005"}, "price"),
        ({"steps": "two"}, "phases"),
        ({"steps": "six"}, "steps"),
        ({"max_accounts": 0}, "max_accounts"),
        ({"terms": {"leverage": "1000"}}, "terms"),
        ({"colour": "red"}, "colour"),
        ({"phases": "none"}, "phases"),
    ],
    ids=lambda item: str(item)[:24],
)
def test_a_mistake_is_named_by_its_path(change, path):
    with pytest.raises(Invalid) as error:
        PlanDefinition.from_json({**make.document(), **change})
    assert error.value.code == "invalid_plan"
    assert path in [problem["path"] for problem in error.value.details["problems"]]


def test_rules_are_checked_as_the_engine_reads_them():
    broken = make.document(evaluation=[{"kind": "max_loss", "amount": make.initial(-1)}, make.TARGET])
    with pytest.raises(Invalid) as error:
        PlanDefinition.from_json(broken)
    assert any(problem["path"].startswith("phases[0].rules[0]") for problem in error.value.details["problems"])
    for rules, word in (({"evaluation": [make.MOST]}, "profit target"), ({"funded": [make.MOST]}, "payout rule")):
        with pytest.raises(Invalid, match=word):
            PlanDefinition.from_json(make.document(**rules))


ADD_ON = {
    "code": "more", "name": "More", "price_percent": "20",
    "patches": [{"phase": "funded", "rule": "payout", "set": {"split_percent": "90"}},
                {"phase": "step-1", "rule": "daily_loss", "set": {"remove": True}}],
}  # fmt: skip


def test_an_add_on_changes_price_and_rules_and_nothing_else():
    read = PlanDefinition.from_json(make.document(add_ons=[ADD_ON]))
    assert read.price_with(["more"]) == 120_00
    assert [rule.kind for rule in read.rule_set(0, ["more"]).rules] == ["max_loss", "profit_target"]
    assert str(read.rule_set(1, ["more"]).rules[-1].split_percent) == "90"
    assert str(read.rule_set(1).rules[-1].split_percent) == "80"
    wrong = copy.deepcopy(ADD_ON)
    wrong["patches"][0]["rule"] = "scaling"
    with pytest.raises(Invalid, match="no such rule"):
        PlanDefinition.from_json(make.document(add_ons=[wrong]))
    wrong["patches"][0] |= {"rule": "payout", "set": {"split_percent": "900"}}
    with pytest.raises(Invalid, match="do not read"):
        PlanDefinition.from_json(make.document(add_ons=[wrong]))


def long_names():
    """A plan with three add-ons, of which two have codes that differ where a name is full."""
    key, codes = "k" * 24, ["x" * 24, "y" * 13 + "a", "y" * 13 + "b"]
    document = make.document(code="a" * 40)
    document["phases"][0]["key"] = key
    document["add_ons"] = [
        {"code": code, "name": code, "price_percent": "1",
         "patches": [{"phase": key, "rule": "max_loss", "set": {"amount": make.initial(value)}}]}
        for code, value in zip(codes, (11, 12, 13), strict=True)
    ]  # fmt: skip
    return document, codes


def test_rule_sets_of_other_add_ons_have_other_names_however_long_they_are():
    document, codes = long_names()
    read = PlanDefinition.from_json(document)
    names = [read.rule_set(0, chosen).name for chosen in ([], codes[:1], codes[:2], codes[::2], codes)]
    # What fits stays as it was.
    assert names[:2] == [f"{read.code}: {'k' * 24}", f"{read.code}: {'k' * 24} +{codes[0]}"]
    assert len(set(names)) == 5
    assert [len(name) for name in names[2:]] == [100] * 3
    assert read.rule_set(0, codes[1::-1]).name == names[2]


@pytest.mark.django_db
def test_two_sets_of_add_ons_with_long_names_are_both_sold():
    document, codes = long_names()
    plan = make.plan(make.market(), **document)
    for last in codes[1:]:
        account, _ = make.prop_account(plan, reference=f"{plan.code}+{codes[0]}+{last}")
        assert (account.status, account.payment.problem) == ("active", "")


def test_a_reference_says_what_is_bought():
    asked = wanted("two-step", ["swing", "split-90", "swing"], " friend ")
    assert asked.reference == "two-step+split-90+swing/FRIEND"
    assert wanted_of(asked.reference) == asked
    assert wanted_of("two-step").reference == "two-step"
    for bad in ("", "Two Step", "a/b/c", "a+", "x" * 100, "a/" + "b" * 30):
        with pytest.raises(Invalid):
            wanted_of(bad)


@pytest.mark.django_db
def test_what_was_offered_does_not_change():
    first = make.plan(code="keeps")
    assert RuleSet.objects.filter(name="keeps: step-1", version=1).exists()
    with pytest.raises(DatabaseError), transaction.atomic():
        PropPlan.objects.filter(pk=first.pk).update(price_minor=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        PropPlan.objects.filter(pk=first.pk).delete()
    with pytest.raises(Conflict):
        plan_offer(actor=SYSTEM, plan_id=first.pk)
    second = plan_draft(actor=SYSTEM, document=make.document(code="keeps", price="80"))
    assert (second.version, second.status) == (2, "draft")
    assert plan_draft(actor=SYSTEM, document=make.document(code="keeps", price="70")).pk == second.pk
    plan_offer(actor=SYSTEM, plan_id=second.pk)
    first.refresh_from_db()
    assert first.status == "withdrawn"
    with pytest.raises(Invalid):
        plan_withdraw(actor=SYSTEM, plan_id=second.pk, reason=" ")
    assert plan_withdraw(actor=SYSTEM, plan_id=second.pk, reason="No longer.").status == "withdrawn"


@pytest.mark.django_db
def test_the_plans_that_ship_are_offered_once_and_left_alone_after():
    made = plans_sync()
    assert len(made) == len(presets())
    assert plans_sync() == []
    row = PropPlan.objects.get(code="challenge-50k", status="offered")
    plan_withdraw(actor=SYSTEM, plan_id=row.pk, reason="Sold out.")
    assert plans_sync() == []
    assert not PropPlan.objects.filter(code="challenge-50k", status="offered").exists()
