"""The seal: journals in a hash chain, so that a change behind the triggers' back shows.

Each seal covers a batch: sha256 over the previous seal's hash and the canonical text of its journals with postings.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from core.models import Journal, Seal, SealedJournal

GENESIS = "0" * 64
BATCH = 5_000
# How far below the newest sealed journal a run looks for journals that committed late; `thorough` looks everywhere.
LOOK_BACK = 100_000
_LOCK = 0x5EA1

JournalText = tuple[int, str]


@dataclass(frozen=True, slots=True)
class SealMismatch:
    """A seal that does not match the journals it covers, or does not follow the seal before it."""

    seal_id: int
    problem: str


def seal_journals(*, thorough: bool = False) -> int:
    """Seal every committed journal that has no seal yet; returns how many. Only one process seals at a time."""
    sealed = 0
    while True:
        count = _seal_batch(thorough=thorough)
        sealed += count
        if count < BATCH:
            return sealed


def _seal_batch(*, thorough: bool) -> int:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        ids = _unsealed_ids(thorough=thorough)
        if not ids:
            return 0
        previous = Seal.objects.order_by("-pk").values_list("hash", flat=True).first() or GENESIS
        texts = [text for _, text in canonical_journals(ids)]
        seal = Seal.objects.create(previous_hash=previous, hash=chain_hash(previous, texts), journals=len(texts))
        SealedJournal.objects.bulk_create(SealedJournal(journal_id=pk, seal=seal) for pk in ids)
        return len(ids)


def _unsealed_ids(*, thorough: bool) -> list[int]:
    newest = SealedJournal.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    floor = 0 if thorough else newest - LOOK_BACK
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT j.id FROM core_journal j LEFT JOIN core_sealedjournal s ON s.journal_id = j.id AND s.journal_id > %s
            WHERE j.id > %s AND s.journal_id IS NULL ORDER BY j.id LIMIT %s
            """,
            [floor, floor, BATCH],
        )
        return [int(row[0]) for row in cursor.fetchall()]


def unsealed_count() -> int:
    """How many journals have no seal yet."""
    return Journal.objects.count() - SealedJournal.objects.count()


def chain_hash(previous: str, texts: Iterable[str]) -> str:
    """The hash of a seal."""
    digest = hashlib.sha256(previous.encode())
    for text in texts:
        digest.update(b"\n")
        digest.update(text.encode())
    return digest.hexdigest()


def canonical_journals(ids: Sequence[int]) -> Iterator[JournalText]:
    """(id, canonical text) of journals with their postings, in order of id."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT j.id, j.book, j.kind, j.reference, j.memo, j.market_at, j.created_at,
                   p.id, a.code, p.amount_minor, p.currency
            FROM core_journal j
            JOIN core_posting p ON p.journal_id = j.id
            JOIN core_ledgeraccount a ON a.id = p.account_id
            WHERE j.id = ANY(%s) ORDER BY j.id, p.id
            """,
            [list(ids)],
        )
        rows = cursor.fetchall()
    postings: dict[int, list[list[object]]] = {}
    heads: dict[int, list[object]] = {}
    for row in rows:
        heads.setdefault(row[0], [*row[:5], _time(row[5]), _time(row[6])])
        postings.setdefault(row[0], []).append(list(row[7:]))
    for pk, head in heads.items():
        yield pk, json.dumps([*head, postings[pk]], separators=(",", ":"), ensure_ascii=False)


def _time(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at is not None else None


def verify_chain() -> tuple[int, list[SealMismatch]]:
    """(seals checked, mismatches): recompute every seal from the rows."""
    mismatches: list[SealMismatch] = []
    previous = GENESIS
    checked = 0
    for seal in Seal.objects.order_by("pk").iterator():
        checked += 1
        mismatches += [SealMismatch(seal.pk, problem) for problem in _seal_problems(seal, previous)]
        previous = seal.hash
    return checked, mismatches


def _seal_problems(seal: Seal, previous: str) -> Iterator[str]:
    if seal.previous_hash != previous:
        yield "it does not follow the seal before it"
    ids = list(SealedJournal.objects.filter(seal=seal).order_by("pk").values_list("pk", flat=True))
    texts = [text for _, text in canonical_journals(ids)]
    if len(texts) != seal.journals:
        yield f"it covers {len(texts)} journals, not {seal.journals}"
    if chain_hash(seal.previous_hash, texts) != seal.hash:
        yield "its journals have changed since they were sealed"
