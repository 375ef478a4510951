"""Importing exchange rates. A file is taken completely or not at all; the same again changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.db import transaction

from core.errors import Conflict, Invalid
from core.services import audit
from marketdata.adapters.files import file_digest, text_read
from marketdata.domain.fx import STALE_AFTER, Rate, csv_rates
from marketdata.domain.replay import ReplayDefinition
from marketdata.models import FxRate, Market
from marketdata.selectors import fx_forget


@dataclass(frozen=True, slots=True)
class FxImport:
    """What an import did: its pairs, its rates, how many were new or different, and their days."""

    pairs: tuple[str, ...]
    rates: int
    changed: int
    first_date: date
    last_date: date


def fx_import(*, actor: object | None, path: Path, today: date, source: str | None = None) -> FxImport:
    """Import rates from CSV (date,base,quote,rate). Without a source, the file's name and checksum are it.

    Raises Invalid (unreadable file, bad rows) and Conflict when an unfinished market with more than one currency plays
    days of these rates.
    """
    rates = csv_rates(text_read(path), today=today)
    source = f"{path.name} (sha256 {file_digest(path)[:12]})" if source is None else source.strip()
    if not source:
        raise Invalid("bad_request", "The source is needed.", {"field": "source"})
    with transaction.atomic(durable=True):
        changed = _changed(rates)
        _refuse_if_played(changed)
        FxRate.objects.bulk_create(
            [
                FxRate(base=rate.base, quote=rate.quote, date=rate.date, rate=rate.rate, source=source[:200])
                for rate in changed
            ],
            update_conflicts=True,
            unique_fields=["base", "quote", "date"],
            update_fields=["rate", "source"],
            batch_size=2_000,
        )
        pairs = tuple(sorted({f"{rate.base}/{rate.quote}" for rate in rates}))
        days = [rate.date for rate in rates]
        done = FxImport(pairs, len(rates), len(changed), min(days), max(days))
        after = {"pairs": list(pairs), "rates": done.rates, "changed": done.changed, "source": source}
        audit.record(actor=actor, action="fx.import", subject_type="fx", subject_id="rates", after=after)
    fx_forget()
    return done


def _changed(rates: Sequence[Rate]) -> list[Rate]:
    """Those that are not stored as they are."""
    known = {
        (base, quote, day): rate
        for base, quote, day, rate in FxRate.objects.filter(
            base__in={rate.base for rate in rates}, quote__in={rate.quote for rate in rates}
        ).values_list("base", "quote", "date", "rate")
    }
    return [rate for rate in rates if known.get((rate.base, rate.quote, rate.date)) != rate.rate]


def _refuse_if_played(changed: Sequence[Rate]) -> None:
    """Accounts of an unfinished market are marked at these rates: they do not change under it."""
    unfinished = Market.objects.filter(kind=Market.Kind.REPLAY).exclude(status=Market.Status.ENDED)
    rows = unfinished.values_list("slug", "currency", "definition", "listings__instrument__currency").distinct()
    for slug, home, raw, other in rows:
        if other is None or other == home:
            continue
        definition = ReplayDefinition.from_json(raw)
        for rate in changed:
            if {rate.base, rate.quote} == {home, other} and (
                definition.start - STALE_AFTER <= rate.date <= definition.end
            ):
                details = {"market": slug, "pair": f"{rate.base}/{rate.quote}", "date": rate.date.isoformat()}
                raise Conflict("rates_in_use", "An unfinished market plays these days in two currencies.", details)
