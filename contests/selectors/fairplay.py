"""Reading findings, sanctions and appeals: for moderators everything, for a person what is about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from contests.domain.fairplay_words import IN_FORCE, KINDS, SANCTION_TITLES, SANCTION_WORDS, STATUSES, evidence_words
from contests.domain.states import ContestStatus
from contests.models import Appeal, Contest, Finding, Participant, Sanction
from core.errors import NotFound

MOST_SANCTIONS = 100
MOST_RELATED = 20


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A participant as moderators see them."""

    participant_id: int
    account_id: int
    user_id: int
    name: str
    kind: str
    status: str
    status_label: str
    final_rank: int | None


@dataclass(frozen=True, slots=True)
class MatchView:
    """Two orders that were together; `seconds` from the first account's to the second's."""

    at: datetime
    symbol: str
    side: str
    seconds: float
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AppealView:
    """What a person said to a sanction, and the answer."""

    id: int
    sanction_id: int
    contest_slug: str
    contest_name: str
    name: str
    sanction_kind: str
    sanction_title: str
    sanction_reason: str
    sanction_by: int | None
    body: str
    status: str
    answer: str
    created_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class SanctionView:
    """A decision about a participant. `may_appeal`: whether the person may still say something to it."""

    id: int
    participant_id: int
    name: str
    kind: str
    title: str
    words: str
    reason: str
    finding_id: int | None
    created_at: datetime
    may_appeal: bool
    appeal: AppealView | None


@dataclass(frozen=True, slots=True)
class FindingView:
    """Evidence of a detector. `words`, `matches` and `orders` tell of it; nothing of it is for those it is about."""

    id: int
    contest_slug: str
    contest_name: str
    contest_status: str
    kind: str
    kind_label: str
    status: str
    status_label: str
    score: int
    participant: PlaceView
    other: PlaceView | None
    words: tuple[str, ...]
    matches: tuple[MatchView, ...]
    orders: tuple[int, ...]
    evidence: dict[str, Any]
    note: str
    decided_by: str
    decided_at: datetime | None
    created_at: datetime
    updated_at: datetime


def findings_query(*, contest: str = "", kind: str = "", status: str = "") -> QuerySet[Finding]:
    """Findings for moderators, the strongest first; unknown filters find nothing to filter by."""
    rows = Finding.objects.select_related("contest", "participant", "other", "decided_by").order_by("-score", "-id")
    if contest:
        rows = rows.filter(contest__slug=contest)
    if kind in KINDS:
        rows = rows.filter(kind=kind)
    return rows.filter(status=status) if status in STATUSES else rows


def place_view(row: Participant) -> PlaceView:
    """A participant for moderators."""
    return PlaceView(
        row.pk, row.account_id, row.user_id, row.display_name, row.kind, row.status, row.get_status_display(),
        row.final_rank,
    )  # fmt: skip


def finding_view(row: Finding) -> FindingView:
    """A finding as moderators see it."""
    places = [place_view(one) for one in (row.participant, row.other) if one is not None]
    names = {place.account_id: place.name for place in places}
    evidence = dict(row.evidence)
    return FindingView(
        id=row.pk,
        contest_slug=row.contest.slug,
        contest_name=row.contest.name,
        contest_status=row.contest.status,
        kind=row.kind,
        kind_label=KINDS.get(row.kind, row.kind),
        status=row.status,
        status_label=STATUSES.get(row.status, row.status),
        score=row.score,
        participant=places[0],
        other=places[1] if len(places) > 1 else None,
        words=tuple(evidence_words(row.kind, evidence, names)),
        matches=tuple(_match(one) for one in evidence.get("matches", ())),
        orders=tuple(evidence.get("orders", ())),
        evidence=evidence,
        note=row.note,
        decided_by=row.decided_by.display_name if row.decided_by else "",
        decided_at=row.decided_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _match(data: dict[str, Any]) -> MatchView:
    at = datetime.fromtimestamp(data["at_us"] / 1e6, tz=UTC)
    return MatchView(at, data.get("symbol", ""), data["side"], data["seconds"], tuple(data["orders"]))


def finding_get(finding_id: int, contest: str = "") -> FindingView:
    """One finding. Raises NotFound `finding_not_found`."""
    row = findings_query(contest=contest).filter(pk=finding_id).first()
    if row is None:
        raise NotFound("finding_not_found", "There is no such finding.")
    return finding_view(row)


def findings_related(finding: FindingView) -> list[FindingView]:
    """Other findings that name one of the same participants, the strongest first, at most 20."""
    ids = [one.participant_id for one in (finding.participant, finding.other) if one and one.kind == "person"]
    rows = findings_query().exclude(pk=finding.id)
    rows = rows.filter(participant_id__in=ids) | rows.filter(other_id__in=ids)
    return [finding_view(row) for row in rows[:MOST_RELATED]]


def sanctions_of(participant_ids: Iterable[int]) -> list[SanctionView]:
    """What was decided about participants, the newest first, at most 100."""
    rows = Sanction.objects.filter(participant_id__in=list(participant_ids)).order_by("-pk")
    found = list(rows.select_related("participant__contest")[:MOST_SANCTIONS])
    answers = {row.sanction_id: row for row in appeals_query().filter(sanction__in=found)}
    latest: dict[int, int] = {}
    for row in found:
        if row.kind != Sanction.Kind.WARN:
            latest.setdefault(row.participant_id, row.pk)
    return [_sanction(row, answers.get(row.pk), latest) for row in found]


def _sanction(row: Sanction, appeal: Appeal | None, latest: dict[int, int]) -> SanctionView:
    final = row.participant.contest.status in (ContestStatus.SETTLED, ContestStatus.CANCELLED)
    stands = row.kind in IN_FORCE and latest.get(row.participant_id) == row.pk and not final
    return SanctionView(
        id=row.pk,
        participant_id=row.participant_id,
        name=row.participant.display_name,
        kind=row.kind,
        title=SANCTION_TITLES[row.kind],
        words=SANCTION_WORDS[row.kind],
        reason=row.reason,
        finding_id=row.finding_id,
        created_at=row.created_at,
        may_appeal=appeal is None and (stands or row.kind == Sanction.Kind.WARN),
        appeal=None if appeal is None else appeal_view(appeal),
    )


def sanctions_about(contest_id: int, user_id: int | None) -> list[SanctionView]:
    """What was decided about a person in a contest, the newest first. Raises NotFound `not_in_contest`."""
    place = Participant.objects.filter(contest_id=contest_id, user_id=user_id or 0).first()
    if place is None:
        raise NotFound("not_in_contest", "You are not in this contest.")
    return sanctions_of([place.pk])


def participant_of_account(contest_id: int, account_id: int) -> PlaceView:
    """Whose account it is in a contest. Raises NotFound `participant_not_found`."""
    row = Participant.objects.filter(contest_id=contest_id, account_id=account_id).first()
    if row is None:
        raise NotFound("participant_not_found", "There is no such participant.")
    return place_view(row)


def appeals_query(*, contest: str = "", status: str = "") -> QuerySet[Appeal]:
    """Appeals for moderators, the oldest first."""
    rows = Appeal.objects.select_related("sanction__participant__contest").order_by("pk")
    if contest:
        rows = rows.filter(sanction__participant__contest__slug=contest)
    return rows.filter(status=status) if status in Appeal.Status.values else rows


def appeal_view(row: Appeal) -> AppealView:
    """An appeal as moderators, and the person themself, see it."""
    sanction, place = row.sanction, row.sanction.participant
    return AppealView(
        id=row.pk,
        sanction_id=sanction.pk,
        contest_slug=place.contest.slug,
        contest_name=place.contest.name,
        name=place.display_name,
        sanction_kind=sanction.kind,
        sanction_title=SANCTION_TITLES[sanction.kind],
        sanction_reason=sanction.reason,
        sanction_by=sanction.decided_by_id,
        body=row.body,
        status=row.status,
        answer=row.answer,
        created_at=row.created_at,
        answered_at=row.answered_at,
    )


def appeals_open(contest_id: int) -> int:
    """How many appeals of a contest wait for an answer."""
    return Appeal.objects.filter(sanction__participant__contest_id=contest_id, status=Appeal.Status.OPEN).count()


def contests_with_findings() -> Sequence[tuple[str, str]]:
    """(slug, name) of contests that have findings, the newest first, at most 100."""
    ids = Finding.objects.values("contest_id")
    return list(Contest.objects.filter(pk__in=ids).order_by("-pk").values_list("slug", "name")[:100])
