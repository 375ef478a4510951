"""Telling people of their contests: that one starts, ends or is called off, and that their rank has moved."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from django.db import transaction

from accounts.selectors.notices import RANK_STEP, rank_steps
from accounts.services.notices import Notice, notify_many_in_tx
from contests.adapters import board
from contests.domain.standings import Ints
from contests.domain.states import LIVE
from contests.models import Broadcast, Contest, Participant, TeamMember
from contests.selectors.standings import Person, people
from core.money import to_major
from core.services import outbox

BATCH = 1_000
RANKS_EVERY = 600
MOST_RANKS = 5_000  # notifications about ranks for a contest and run; the best ranks first
KINDS = {"started": "contest_started", "ended": "contest_ended", "cancelled": "contest_cancelled"}


def participants_tell_in_tx(*, contest_id: int, verb: str, reason: str = "", after_id: int = 0) -> None:
    """Tell a thousand people of a contest what has happened to it, and have the next thousand told by another event."""
    contest = Contest.objects.get(pk=contest_id)
    rows = Participant.objects.filter(contest=contest, kind="person", status="active", pk__gt=after_id).order_by("pk")[
        :BATCH
    ]
    found = list(rows)
    total = Participant.objects.filter(contest=contest, final_rank__isnull=False).count() if verb == "ended" else 0
    notify_many_in_tx(
        Notice(
            user_id=row.user_id,
            kind=KINDS[verb],
            dedupe=f"contest:{contest_id}:{verb}",
            params={"contest": contest.name, "reason": _reason(reason), "result": _result(contest, row, total)},
            url=f"/contests/{contest.slug}",
        )
        for row in found
    )
    if len(found) == BATCH:
        payload = {"contest_id": contest_id, "verb": verb, "reason": reason, "after_id": found[-1].pk}
        outbox.emit(topic="contests.people_untold", aggregate=f"contest:{contest_id}", payload=payload)


def broadcast_tell_in_tx(*, contest_id: int, broadcast_id: int, after_id: int = 0) -> None:
    """Tell a thousand people of a contest what its organiser wrote, their teams too, and have the next told after."""
    contest = Contest.objects.get(pk=contest_id)
    body = Broadcast.objects.get(pk=broadcast_id).body
    rows = Participant.objects.filter(contest=contest, kind="person", status="active", pk__gt=after_id).order_by("pk")
    found = dict(rows.values_list("pk", "user_id")[:BATCH])
    mates = TeamMember.objects.filter(team__participant_id__in=found, left_at=None).values_list("user_id", flat=True)
    notify_many_in_tx(
        Notice(
            user_id=user_id,
            kind="contest_message",
            dedupe=f"broadcast:{broadcast_id}",
            params={"contest": contest.name, "message": body},
            url=f"/contests/{contest.slug}",
        )
        for user_id in dict.fromkeys([*found.values(), *mates])
    )
    if len(found) == BATCH:
        payload = {"contest_id": contest_id, "broadcast_id": broadcast_id, "after_id": max(found)}
        outbox.emit(topic="contests.contest_message", aggregate=f"contest:{contest_id}", payload=payload)


def _reason(reason: str) -> str:
    said = f"{reason.strip().rstrip('.')}. " if reason.strip() else ""
    return f"{said[:1].upper()}{said[1:]}Nothing of it counts."


def _result(contest: Contest, row: Participant, total: int) -> str:
    if row.final_rank is None or row.final_value_minor is None:
        return "You made too few trades to be ranked."
    value = f"{to_major(row.final_value_minor, contest.currency):,} {contest.currency}"
    return f"You came {ordinal(row.final_rank)} of {total} with {value}."


def ordinal(rank: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    suffix = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{suffix}"


def ranks_tell() -> int:
    """Tell people whose rank has moved by as much as they want to hear of; returns how many.

    Ranks are compared with those last told, or with those of the first look. Each person hears of a contest at most
    once in ten minutes.
    """
    live = Contest.objects.filter(status__in=[str(status) for status in LIVE]).order_by("pk")
    return sum(_ranks_tell(contest) for contest in live)


def _ranks_tell(contest: Contest) -> int:
    shown = board.board_read(contest.pk, head_only=False)
    if shown is None:
        return 0
    now = _ranked(shown[1])
    kept = board.told_read(contest.pk)
    told = kept if kept is not None else now
    before = _before(now, told)
    moved = now[:, (before > 0) & (np.abs(now[1] - before) >= 1)]
    known, _, _ = people(contest)
    due = _due(contest, moved, dict(zip(now[0].tolist(), before.tolist(), strict=True)), known)
    slot = int(time.time() // RANKS_EVERY)
    with transaction.atomic(durable=True):
        made = notify_many_in_tx(
            Notice(
                user_id=known[account].user_id,
                kind="rank_changed",
                dedupe=f"rank:{contest.pk}:{slot}",
                params={"contest": contest.name, "rank": ordinal(rank), "before": ordinal(was)},
                url=f"/contests/{contest.slug}",
            )
            for account, rank, was in due
        )
    board.told_write(contest.pk, _kept(now, before, [account for account, _, _ in due]))
    return len(made)


def _ranked(columns: Ints) -> Ints:
    """Accounts in ascending order with their ranks, without those that are not ranked."""
    pairs = columns[:2, columns[1] > 0]
    return pairs[:, np.argsort(pairs[0])]


def _before(now: Ints, told: Ints) -> Ints:
    """The rank last told to each account of `now`; 0 for one that was told none."""
    if not told.shape[1]:
        return np.zeros(now.shape[1], dtype=np.int64)
    at = np.minimum(np.searchsorted(told[0], now[0]), told.shape[1] - 1)
    return np.where(told[0][at] == now[0], told[1][at], 0)


def _due(
    contest: Contest, moved: Ints, before: dict[int, int], known: dict[int, Person]
) -> Sequence[tuple[int, int, int]]:
    """(account, rank, rank before) of the people who are to be told, best ranks first."""
    if not moved.shape[1]:
        return []
    persons = Participant.objects.filter(contest=contest, kind="person").values("user_id")
    steps = rank_steps(persons)
    found = []
    for account, rank in moved.T.tolist():
        person = known.get(account)
        if person is None or person.kind != "person":
            continue
        if abs(rank - before[account]) >= steps.get(person.user_id, RANK_STEP):
            found.append((account, rank, before[account]))
    return sorted(found, key=lambda row: row[1])[:MOST_RANKS]


def _kept(now: Ints, before: Ints, told: Sequence[int]) -> Ints:
    """What to compare with next: the rank of now where it was told or is new, the one before elsewhere."""
    fresh = (before == 0) | np.isin(now[0], np.asarray(told, dtype=np.int64))
    return np.vstack([now[0], np.where(fresh, now[1], before)])
