"""Certificates as anyone who has their code sees them, from what is stored: who is taken out has none any more."""

from __future__ import annotations

from datetime import datetime

from contests.domain.certificates import CertificateView
from contests.domain.scoring import WORDS, score_text
from contests.domain.standings import return_text
from contests.domain.states import OVER
from contests.models import Award, Certificate, Participant
from core.errors import NotFound


def certificate_by_code(code: str) -> CertificateView:
    """A certificate. Raises NotFound for a code that is none, or whose holder is not ranked any more."""
    row = (
        Certificate.objects.select_related("participant__contest__market")
        .filter(code=code[:24], participant__status=Participant.Status.ACTIVE)
        .first()
    )
    place = None if row is None else row.participant
    if row is None or place is None or place.final_rank is None or place.contest.status not in OVER:
        raise NotFound("certificate_not_found", "There is no such certificate.")
    contest = place.contest
    award = Award.objects.filter(participant=place).first()
    assert contest.ended_at is not None
    return CertificateView(
        code=row.code,
        name=place.display_name,
        contest=contest.name,
        slug=contest.slug,
        is_listed=contest.visibility == "public",
        rank=place.final_rank,
        ranked=contest.participants.filter(final_rank__isnull=False).count(),
        return_pct=return_text(place.final_value_minor or 0, contest.initial_balance_minor),
        score=score_text(contest.scoring, place.final_score or 0),
        scoring=WORDS[contest.scoring],
        value_minor=place.final_value_minor or 0,
        currency=contest.currency,
        trades=place.final_trades or 0,
        badge=award.badge if award else "",
        place=award.place if award else None,
        ended_at=contest.ended_at,
        source=contest.market.source_label,
        is_simulated=contest.market.is_simulated,
        final_hash=contest.final_hash,
    )


def badges_of(user_id: int, limit: int = 50) -> list[tuple[str, str, str, datetime]]:
    """(badge, contest, slug, when) of what somebody has won in public contests, the newest first."""
    rows = Award.objects.filter(participant__user_id=user_id, contest__visibility="public").exclude(badge="")
    found = rows.order_by("-pk").values_list("badge", "contest__name", "contest__slug", "created_at")[:limit]
    return list(found)
