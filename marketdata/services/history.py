"""Loading history in bulk: COPY into a staging table, one upsert, provenance on every series. All or nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from core.errors import Conflict
from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.types import Action, Bar
from marketdata.models import BarSeries, CorporateAction, Instrument, Market

_STAGE = """
CREATE TEMP TABLE marketdata_stage (
    instrument_id bigint, date date, open numeric(18,6), high numeric(18,6), low numeric(18,6), close numeric(18,6),
    volume bigint
) ON COMMIT DROP
"""
_COPY = "COPY marketdata_stage FROM STDIN"
_UPSERT = """
INSERT INTO marketdata_dailybar AS bar (instrument_id, date, open, high, low, close, volume)
SELECT instrument_id, date, open, high, low, close, volume FROM marketdata_stage ORDER BY instrument_id, date
ON CONFLICT (instrument_id, date) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume
WHERE (bar.open, bar.high, bar.low, bar.close, bar.volume)
    IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)
"""
# What the upsert is going to change, by instrument: asked before it.
_CHANGES = """
SELECT stage.instrument_id, count(*), min(stage.date) FROM marketdata_stage stage
LEFT JOIN marketdata_dailybar bar USING (instrument_id, date)
WHERE (bar.open, bar.high, bar.low, bar.close, bar.volume)
    IS DISTINCT FROM (stage.open, stage.high, stage.low, stage.close, stage.volume)
GROUP BY 1
"""
_CANONICAL = """
SELECT instrument_id, min(date), max(date), count(*), encode(sha256(convert_to(string_agg(
    date::text || ',' || open || ',' || high || ',' || low || ',' || close || ',' || volume, E'\\n' ORDER BY date
), 'UTF8')), 'hex')
FROM marketdata_dailybar WHERE instrument_id = ANY(%s) GROUP BY 1
"""


Range = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where bars come from. `seed` is the generator's, for simulated history."""

    source: str
    licence: str
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class SeriesInput:
    """A saved instrument and its history: bars, or rows in COPY's text format without the instrument.

    `actions` are all splits and dividends of the range that the bars cover, and all actions of the other kinds that
    they name; None leaves those that are there.
    """

    instrument: Instrument
    bars: Sequence[Bar] | str
    actions: Sequence[Action] | None = None


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """What a load did to an instrument's series."""

    symbol: str
    bars: int
    changed: int
    first_date: date
    last_date: date
    checksum: str


def series_store(*, series: Sequence[SeriesInput], provenance: Provenance) -> list[SeriesResult]:
    """Load bars and corporate actions of several instruments in one transaction. Repeating a load changes nothing.

    Bars are merged into what is there; actions replace those of the range that the bars cover. Raises Conflict when
    that would change history that an unfinished market plays.
    """
    with transaction.atomic(durable=True):
        return series_store_in_tx(series=series, provenance=provenance)


def series_store_in_tx(*, series: Sequence[SeriesInput], provenance: Provenance) -> list[SeriesResult]:
    """`series_store` in the caller's transaction."""
    instruments = [item.instrument for item in series]
    ids = [instrument.pk for instrument in instruments]
    changed, ranges = _bars_load(series)
    first_change = {pk: found[1] for pk, found in changed.items()}
    stale = {item.instrument.pk: _actions_changed(item, ranges) for item in series}
    for pk, when in stale.items():
        if when is not None:
            first_change[pk] = min(when, first_change.get(pk, when))
    _refuse_if_played(instruments, first_change)
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT)
        cursor.execute("DROP TABLE marketdata_stage")
        cursor.execute(_CANONICAL, [ids])
        summaries = {pk: rest for pk, *rest in cursor.fetchall()}
    for item in series:
        if stale[item.instrument.pk] is not None:
            _actions_store(item, ranges[item.instrument.pk])
    return [
        _series_record(
            item.instrument, provenance, summaries[item.instrument.pk], changed.get(item.instrument.pk, (0,))[0]
        )
        for item in series
        if item.instrument.pk in summaries
    ]


def actions_store(*, instrument: Instrument, actions: Sequence[Action], first: date, last: date) -> int:
    """Replace an instrument's splits and dividends with ex-dates from `first` to `last`; how many differ from before.

    Raises Conflict when that would change history that an unfinished market plays.
    """
    with transaction.atomic(durable=True):
        kinds = (CorporateAction.Kind.SPLIT, CorporateAction.Kind.DIVIDEND)
        stored = instrument.corporate_actions.filter(kind__in=kinds, ex_date__range=(first, last))
        known = set(stored.values_list("kind", "ex_date", "value", "new_symbol"))
        given = {(action.kind, action.ex_date, action.value, action.new_symbol) for action in actions}
        changed = known ^ given
        if changed:
            _refuse_if_played([instrument], {instrument.pk: min(item[1] for item in changed)})
            stored.delete()
            CorporateAction.objects.bulk_create(
                CorporateAction(
                    instrument=instrument,
                    kind=action.kind,
                    ex_date=action.ex_date,
                    value=action.value,
                    new_symbol=action.new_symbol,
                )
                for action in actions
            )
    return len(changed)


def copy_rows(bars: Iterable[Bar]) -> str:
    """Bars in COPY's text format, without the instrument."""
    return "".join(
        f"\t{bar.date}\t{bar.open:f}\t{bar.high:f}\t{bar.low:f}\t{bar.close:f}\t{bar.volume}\n" for bar in bars
    )


def _bars_load(series: Sequence[SeriesInput]) -> tuple[dict[int, tuple[int, date]], dict[int, Range]]:
    """Fill the staging table. By instrument: (bars that differ from what is there, the first such day); the range."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for item in series:
                bars = item.bars
                rows = bars if isinstance(bars, str) else copy_rows(bars)
                prefix = str(item.instrument.pk)
                copy.write("".join(prefix + line + "\n" for line in rows.splitlines()))
        cursor.execute("ANALYZE marketdata_stage")
        cursor.execute(_CHANGES)
        changed = {pk: (number, first) for pk, number, first in cursor.fetchall()}
        cursor.execute("SELECT instrument_id, min(date), max(date) FROM marketdata_stage GROUP BY 1")
        return changed, {pk: (first, last) for pk, first, last in cursor.fetchall()}


def _actions_changed(item: SeriesInput, ranges: dict[int, Range]) -> date | None:
    """The first ex-date on which the given actions and the stored ones of the range differ, if they do."""
    if item.actions is None or item.instrument.pk not in ranges:
        return None
    known = set(_replaced(item, ranges[item.instrument.pk]).values_list("kind", "ex_date", "value", "new_symbol"))
    given = {(action.kind, action.ex_date, action.value, action.new_symbol) for action in item.actions}
    return min((change[1] for change in known ^ given), default=None)


def _replaced(item: SeriesInput, span: Range) -> QuerySet[CorporateAction]:
    """The stored actions that the given ones replace. A delisting is after the last bar."""
    kinds = CorporateAction.Kind
    named = {action.kind for action in item.actions or ()} | {kinds.SPLIT, kinds.DIVIDEND}
    rows = item.instrument.corporate_actions.filter(kind__in=named)
    return rows.filter(Q(ex_date__range=span) | Q(kind=kinds.DELISTING))


def _actions_store(item: SeriesInput, span: Range) -> None:
    _replaced(item, span).delete()
    CorporateAction.objects.bulk_create(
        CorporateAction(
            instrument=item.instrument,
            kind=action.kind,
            ex_date=action.ex_date,
            value=action.value,
            new_symbol=action.new_symbol,
        )
        for action in item.actions or ()
    )


def _refuse_if_played(instruments: Sequence[Instrument], first_change: dict[int, date]) -> None:
    """A market's ticks are a function of its history: what an unfinished market plays does not change under it."""
    if not first_change:
        return
    names = {instrument.pk: instrument.symbol for instrument in instruments}
    unfinished = Market.objects.filter(kind=Market.Kind.REPLAY).exclude(status=Market.Status.ENDED)
    rows = unfinished.filter(listings__instrument_id__in=first_change)
    for slug, raw, pk in rows.values_list("slug", "definition", "listings__instrument_id"):
        last = ReplayDefinition.from_json(raw).end
        if pk in first_change and first_change[pk] <= last:
            details = {"symbol": names[pk], "market": slug, "date": first_change[pk].isoformat()}
            raise Conflict("history_in_use", f"An unfinished market plays this history of {names[pk]}.", details)


def _series_record(instrument: Instrument, provenance: Provenance, summary: Sequence, changed: int) -> SeriesResult:
    first, last, bars, checksum = summary
    BarSeries.objects.update_or_create(
        instrument=instrument,
        defaults={
            "source": provenance.source,
            "licence": provenance.licence,
            "seed": provenance.seed,
            "first_date": first,
            "last_date": last,
            "bars": bars,
            "checksum": checksum,
        },
    )
    return SeriesResult(instrument.symbol, bars, changed, first, last, checksum)
