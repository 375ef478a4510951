"""Looking for unfair play, and what moderators make of it. A scan writes findings; it never touches a participant."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services.notices import Notice, notify_many_in_tx
from contests.domain.fairplay import illiquid, shared_identity, stale_prices
from contests.domain.states import LIVE, ContestStatus
from contests.locks import contest_lock
from contests.models import Contest, Finding, Participant
from contests.selectors import fairplay_trades as reads
from contests.selectors.results import settles_at
from contests.services.moves import now, tell
from contests.services.sanctions import moderator_require, reason_require, sanction_in_tx
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.services import audit
from trading.domain.pairs import pair_leads
from trading.domain.pairs_figures import GROWN, Lead, strongest
from trading.domain.types import Actor
from trading.selectors.pair_trades import trades_of_group

logger = logging.getLogger(__name__)

SCAN_EVERY = 900
MOST_LEADS = 500  # of a contest and scan, the strongest
MOST_CONTESTS = 50  # in a run, those that end first
MOST_TOLD = 50
AFTER_END = timedelta(hours=24)
_Status = Finding.Status
_Key = tuple[str, int, int | None]


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan has written: findings that are new, brought up to date, and opened again."""

    new: int = 0
    updated: int = 0
    reopened: int = 0


def fairplay_scan_due() -> list[int]:
    """Scan the contests that run, and those whose result may still be disputed; the ids. One failure stops no other."""
    at = now()
    running = Q(status__in=[str(status) for status in LIVE])
    ended = Q(status=ContestStatus.ENDED) & (Q(ended_at__gt=at - AFTER_END) | ~Q(stakes={}))
    done = []
    for contest in list(Contest.objects.filter(running | ended).order_by("ends_at", "pk")[: MOST_CONTESTS * 4]):
        due = settles_at(contest)
        if contest.status == ContestStatus.ENDED and due is not None and due + AFTER_END < at:
            # It waits for a fee only: what there is to be found was found.
            continue
        try:
            fairplay_scan(contest_id=contest.pk)
        except Exception:
            logger.exception("the fair play of contest %s could not be looked at", contest.pk)
            continue
        done.append(contest.pk)
        if len(done) >= MOST_CONTESTS:
            break
    return done


def fairplay_scan(*, contest_id: int) -> Scanned:
    """Run every detector over a contest and write what it shows. Repeating it changes nothing.

    An open finding takes its new score and evidence. One that was dismissed stays so until its score has grown by 10;
    one that was upheld stays as it is. Raises NotFound.
    """
    contest = Contest.objects.select_related("market").filter(pk=contest_id).first()
    if contest is None:
        raise NotFound("contest_not_found", "There is no such contest.")
    leads = strongest(_detected(contest), MOST_LEADS * 2)
    found = _about_people(contest, leads)
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        known = {_key_of(row): row for row in Finding.objects.filter(contest=contest)}
        fresh = [row for key, row in found.items() if key not in known]
        Finding.objects.bulk_create(fresh)
        changed, reopened = _refresh_in_tx(found, known)
        if fresh or reopened:
            tell(contest, "findings", new=[row.pk for row in fresh], reopened=[row.pk for row in reopened])
            _alert_in_tx(contest, len(fresh) + len(reopened))
    return Scanned(len(fresh), changed, len(reopened))


def _detected(contest: Contest) -> list[Lead]:
    trades, prices = trades_of_group(contest.group_id), reads.prices_of(contest)
    leads = pair_leads(trades, reads.agents_of(contest.pk))
    leads += shared_identity(reads.shared_of(contest.pk))
    leads += illiquid(trades, prices)
    quoted = trades.tick[trades.tick >= 0]
    if len(quoted):
        first = int(quoted.min())
        leads += stale_prices(trades, prices, first, reads.tick_times(contest, first))
    symbols = reads.symbols_of(contest.market_id)
    for lead in leads:
        _name_symbols(lead.evidence, symbols)
    return leads


def _name_symbols(evidence: dict[str, Any], symbols: dict[int, str]) -> None:
    for match in evidence.get("matches", ()):
        match["symbol"] = symbols.get(match["listing"], "")
    if "listings" in evidence:
        evidence["symbols"] = [symbols.get(listing, "") for listing in evidence["listings"]]


def _about_people(contest: Contest, leads: Sequence[Lead]) -> dict[_Key, Finding]:
    """The leads as findings by key: about a person who still takes part, an agent only as the other."""
    accounts = {lead.account for lead in leads} | {lead.other for lead in leads if lead.other is not None}
    people = reads.participants_by_account(contest.pk, accounts)
    found: dict[_Key, Finding] = {}
    for lead in leads:
        places = [people.get(account) for account in (lead.account, lead.other) if account is not None]
        pair = sorted((one for one in places if one is not None), key=lambda one: (one.kind != "person", one.pk))
        if len(pair) < len(places) or len(found) >= MOST_LEADS or not any(_counts(one) for one in pair):
            continue
        row = Finding(
            contest=contest, kind=lead.kind, participant=pair[0], other=pair[1] if pair[1:] else None, score=lead.score,
            evidence={**lead.evidence, "accounts": [account for account in (lead.account, lead.other) if account]},
        )  # fmt: skip
        found.setdefault(_key_of(row), row)
    return found


def _counts(one: Participant) -> bool:
    return one.kind == "person" and one.status == Participant.Status.ACTIVE


def _key_of(row: Finding) -> _Key:
    return row.kind, row.participant_id, row.other_id


def _refresh_in_tx(found: dict[_Key, Finding], known: dict[_Key, Finding]) -> tuple[int, list[Finding]]:
    """Bring what was known up to date; how many changed, and which were opened again."""
    changed, reopened = [], []
    for key, row in known.items():
        lead = found.get(key)
        if lead is None or row.status == _Status.UPHELD:
            continue
        if row.status == _Status.DISMISSED:
            if lead.score < row.score + GROWN:
                continue
            audit.record(
                actor=None, action="finding.reopened", subject_type="finding", subject_id=row.pk,
                before={"status": row.status, "score": row.score, "note": row.note}, after={"score": lead.score},
            )  # fmt: skip
            row.status, row.decided_by, row.decided_at = _Status.OPEN, None, None
            reopened.append(row)
        elif (row.score, row.evidence) == (lead.score, lead.evidence):
            continue
        row.score, row.evidence, row.updated_at = lead.score, lead.evidence, now()
        changed.append(row)
    fields = ["score", "evidence", "updated_at", "status", "decided_by", "decided_at"]
    Finding.objects.bulk_update(changed, fields, batch_size=200)
    return len(changed) - len(reopened), reopened


def _alert_in_tx(contest: Contest, number: int) -> None:
    """Tell the moderators, once a contest and day."""
    roles = [User.Role.MODERATOR, User.Role.ADMIN]
    staff = User.objects.filter(role__in=roles, is_active=True).order_by("pk").values_list("pk", flat=True)[:MOST_TOLD]
    notify_many_in_tx(
        Notice(
            user_id=user_id,
            kind="fair_play_queue",
            dedupe=f"fairplay:{contest.pk}:{now().date().isoformat()}",
            params={"contest": contest.name, "what": f"{number} new finding{'' if number == 1 else 's'}"},
            url=f"/moderation/fair-play?contest={contest.slug}",
        )
        for user_id in staff
    )


def finding_dismiss(*, actor: Actor, finding_id: int, note: str) -> None:
    """A moderator has looked: it is harmless, and why.

    Raises Forbidden `not_moderator`, `not_yourself`; NotFound; Invalid `reason_needed`; Conflict `finding_decided`.
    """
    moderator_require(actor)
    note = reason_require(note, "note")
    with transaction.atomic(durable=True):
        contest, row = _open_in_tx(actor, finding_id)
        _decide_in_tx(contest, row, actor, _Status.DISMISSED, note)


def finding_uphold(*, actor: Actor, finding_id: int, kind: str, reason: str, whom: str = "participant") -> list[int]:
    """A moderator has looked: it holds. Sanction one of the two, or `both`; the sanctions' ids.

    Raises what `sanction_decide` does; NotFound `finding_not_found`; Conflict `finding_decided`; Invalid
    `unknown_whom` (participant, other, both), `unknown_sanction`.
    """
    moderator_require(actor)
    if kind == "reinstate":
        raise Invalid("unknown_sanction", "A finding is upheld with a warning or more.", {"field": "kind"})
    with transaction.atomic(durable=True):
        contest, row = _open_in_tx(actor, finding_id)
        ids = _ids_of(row, whom)
        places = Participant.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
        made = [
            sanction_in_tx(contest, place, actor=actor, kind=kind, reason=reason, finding=row).pk
            for place in places.order_by("pk")
        ]
        _decide_in_tx(contest, row, actor, _Status.UPHELD, reason.strip())
    return made


def _ids_of(row: Finding, whom: str) -> list[int]:
    named = {"participant": (row.participant_id,), "other": (row.other_id,), "both": (row.participant_id, row.other_id)}
    ids = [one for one in named.get(whom, ()) if one is not None]
    if not ids or len(ids) < len(named[whom]):
        raise Invalid("unknown_whom", "Say whom it is about.", {"field": "whom"})
    return ids


def _open_in_tx(actor: Actor, finding_id: int) -> tuple[Contest, Finding]:
    found = Finding.objects.filter(pk=finding_id)
    contest_id = found.values_list("contest_id", flat=True).first()
    if contest_id is None:
        raise NotFound("finding_not_found", "There is no such finding.")
    contest = contest_lock(contest_id)
    row = found.select_related("participant", "other").get()
    if row.status != _Status.OPEN:
        raise Conflict("finding_decided", f"This finding was {row.status} already.", {"status": row.status})
    if actor.user_id in (row.participant.user_id, row.other.user_id if row.other else None):
        raise Forbidden("not_yourself", "This is about you. Another moderator decides it.")
    return contest, row


def _decide_in_tx(contest: Contest, row: Finding, actor: Actor, status: str, note: str) -> None:
    row.status, row.note, row.decided_by_id, row.decided_at = status, note, actor.user_id, now()
    row.save(update_fields=["status", "note", "decided_by", "decided_at"])
    audit.record(
        actor=actor, action=f"finding.{status}", subject_type="finding", subject_id=row.pk,
        before={"status": _Status.OPEN}, after={"status": status}, reason=note,
    )  # fmt: skip
    tell(contest, "finding_decided", finding_id=row.pk, outcome=status)
