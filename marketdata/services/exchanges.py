"""Writing what is known of exchanges from the start into their tables. What an operator changed is left alone."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import available_timezones

from django.db import connection, models, transaction

from core.errors import Invalid
from core.services import audit, outbox
from marketdata.domain import exchanges as known
from marketdata.models import Exchange, MarketPolicy, PriceBandRule, SessionPhase, TickSizeRule
from marketdata.selectors.sessions import sessions_forget

Key = Callable[[Any], Hashable]


@dataclass(frozen=True, slots=True)
class SeedDone:
    """How many exchanges and rules were written, and which groups of rules were left as an operator has them."""

    exchanges: int
    rules: int
    kept: tuple[str, ...]


def calendar_changed() -> None:
    """Forget what is kept of exchanges: now, and again when the caller's transaction commits."""
    sessions_forget()
    if connection.in_atomic_block:
        transaction.on_commit(sessions_forget)


def exchanges_seed(*, actor: object | None = None) -> SeedDone:
    """Write the exchanges, phases, price grids, bands and policies that are known from the start.

    Doing it again changes nothing. Exchanges and policies that are there stay as they are. Of the other rules, a group
    (an exchange's phases of a kind and segment, its price grid, its bands of a kind and segment) in which any row's
    source is not ours is an operator's, and stays as it is; every other group is brought up to date.
    """
    with transaction.atomic():
        exchanges = _missing(Exchange, _exchange_rows(), "code")
        policies = _missing(MarketPolicy, _policy_rows(), "exchange_id")
        kept: list[str] = []
        rules = _rules(SessionPhase, known.PHASES, lambda row: (row.exchange_id, row.kind, row.segment), kept)
        rules += _rules(TickSizeRule, known.TICK_SIZES, lambda row: row.exchange_id, kept)
        rules += _rules(PriceBandRule, known.BANDS, lambda row: (row.exchange_id, row.kind, row.segment), kept)
        done = SeedDone(exchanges, policies + rules, tuple(kept))
        if exchanges or done.rules:
            after = {"exchanges": exchanges, "rules": done.rules, "kept": kept[:50]}
            audit.record(actor=actor, action="exchanges.seed", subject_type="exchanges", subject_id="all", after=after)
    calendar_changed()
    return done


def rule_save(
    *,
    actor: object | None,
    row: Exchange | MarketPolicy | SessionPhase | TickSizeRule | PriceBandRule,
    is_new: bool,
    reason: str,
) -> None:
    """Save an exchange, or a rule of one, that an operator has checked: a rule is the operator's from now on.

    Raises Invalid without a reason, and for an exchange whose zone is not one or that follows one that follows another.
    """
    reason = reason.strip()[:300]
    if not reason:
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    if isinstance(row, Exchange):
        _exchange_checked(row)
    with transaction.atomic():
        before = None if is_new else _said(type(row)._default_manager.select_for_update().get(pk=row.pk))
        if hasattr(row, "source"):
            row.source = operator_source(actor)
        row.save(force_insert=is_new)
        name = str(type(row)._meta.model_name)
        audit.record(
            actor=actor,
            action=f"{name}.save",
            subject_type=name,
            subject_id=row.pk,
            before=before,
            after=_said(row),
            reason=reason,
        )
        code = row.code if isinstance(row, Exchange) else row.exchange_id
        outbox.emit(
            topic="marketdata.exchange_rules_changed",
            aggregate=f"exchange:{code}",
            payload={"exchange": code, "rule": name, "id": row.pk},
        )
    calendar_changed()


def _exchange_checked(row: Exchange) -> None:
    if row.zone not in available_timezones():
        raise Invalid("bad_zone", f"{row.zone[:40]} is not a time zone such as Asia/Kolkata.", {"field": "zone"})
    followed = row.follows
    is_followed = Exchange.objects.filter(follows=row.code).exists()
    if followed is not None and (followed.follows_id is not None or followed.code == row.code or is_followed):
        message = "An exchange follows one that follows no other, and is followed by none itself."
        raise Invalid("bad_follows", message, {"field": "follows"})


def operator_source(actor: object | None) -> str:
    """The source of a row that a person set: a later load leaves it alone."""
    name = getattr(actor, "display_name", "") or getattr(actor, "label", "") or "the operator"
    return f"operator: {name}"[:200]


def _said(row: models.Model) -> dict[str, Any]:
    """A row's fields for the audit log."""
    values = ((field.attname, getattr(row, field.attname)) for field in row._meta.concrete_fields)
    return {name: value if value is None or isinstance(value, bool | int) else str(value) for name, value in values}


def _exchange_rows() -> list[Exchange]:
    return [
        Exchange(
            code=seed.code,
            name=seed.name,
            country=seed.country,
            zone=seed.zone,
            currency=seed.currency,
            follows_id=seed.follows,
            is_always_open=seed.is_always_open,
            is_simulated=seed.is_simulated,
        )
        for seed in known.EXCHANGES
    ]


def _policy_rows() -> list[MarketPolicy]:
    return [_row(MarketPolicy, seed) for seed in known.POLICIES]


def _row(model: type[models.Model], seed: Any) -> Any:
    """A row of a seed, whose fields are the row's but for the exchange's name."""
    values = asdict(seed)
    return model(exchange_id=values.pop("exchange"), **values)


def _missing(model: type[models.Model], rows: list[Any], field: str) -> int:
    """Write the rows whose key is not there at all."""
    there = set(model._default_manager.values_list(field, flat=True))
    new = [row for row in rows if getattr(row, field) not in there]
    model._default_manager.bulk_create(new)
    return len(new)


def _rules(model: type[models.Model], seeds: Iterable[Any], key: Key, kept: list[str]) -> int:
    """Bring the groups of a table up to date that are ours; how many rows were written or removed."""
    stored: dict[Hashable, list[Any]] = defaultdict(list)
    wanted: dict[Hashable, list[Any]] = defaultdict(list)
    rows: Iterable[Any] = model._default_manager.select_for_update().order_by("pk")
    for row in rows:
        stored[key(row)].append(row)
    for seed in seeds:
        row = _row(model, seed)
        wanted[key(row)].append(row)
    written = 0
    for group in {**wanted, **stored}:
        if not all(row.source.startswith(known.SEEDED) for row in stored[group]):
            if group in wanted:
                kept.append(f"{model._meta.verbose_name}: {_label(group)}")
            continue
        have, want = {_values(row): row.pk for row in stored[group]}, {_values(row): row for row in wanted[group]}
        gone = [pk for values, pk in have.items() if values not in want]
        new = [row for values, row in want.items() if values not in have]
        model._default_manager.filter(pk__in=gone).delete()
        model._default_manager.bulk_create(new)
        written += len(gone) + len(new)
    return written


def _label(group: Hashable) -> str:
    return " ".join(str(part) for part in group if part) if isinstance(group, tuple) else str(group)


def _values(row: models.Model) -> tuple[Any, ...]:
    return tuple(getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key)
