"""What contests hold about a person: taking part. Figures and ranks stay when the person goes, the name does not."""

from django.db.models import Q

from accounts.domain.privacy import DELETED_NAME
from accounts.ports import PersonalData, Table
from contests.models import (
    Appeal,
    Award,
    Comment,
    CommentReport,
    Contest,
    Entry,
    Finding,
    Follow,
    Mute,
    Participant,
    Sanction,
)
from contests.services.comments import social_erase


def _erase(user_id: int) -> None:
    Participant.objects.filter(user_id=user_id).update(display_name=DELETED_NAME)
    Appeal.objects.filter(sanction__participant__user_id=user_id).update(body="")
    social_erase(user_id)


DATA = PersonalData(
    app="contests",
    tables=(
        Table(
            "contests", "Contests that you took part in, and where you came.", Participant, "user_id",
            columns=("id", "contest_id", "contest__slug", "contest__name", "account_id", "kind", "display_name",
                     "joined_at", "final_rank", "final_value_minor", "final_cash_minor", "final_trades"),
        ),
        Table("contest_entries", "Fees that you paid to enter contests, and what became of them.", Entry, "user_id",
              columns=("id", "contest__slug", "payment_id", "status", "reason", "created_at")),
        Table("prizes", "What you have won.", Award, "participant__user_id",
              columns=("id", "contest__slug", "place", "amount_minor", "currency", "badge", "created_at")),
        Table("contests_made", "Contests that you made.", Contest, "created_by_id",
              columns=("id", "slug", "name", "status", "created_at")),
        Table("comments", "What you said in contests.", Comment, "author_id",
              columns=("id", "contest__slug", "body", "hidden_at", "hidden_reason", "created_at")),
        Table("comment_reports", "Messages that you reported.", CommentReport, "reporter_id",
              columns=("id", "comment_id", "reason", "created_at")),
        Table("mutes", "Contests in whose chat you may not write, or might not.", Mute, "user_id",
              columns=("id", "contest__slug", "until", "reason", "created_at")),
        Table("follows", "Whom you follow, by their handle; agents have none.", Follow, "follower_id",
              columns=("id", "followed__handle", "created_at")),
        Table("sanctions", "What moderators decided about you in contests, and why.", Sanction, "participant__user_id",
              columns=("id", "participant__contest__slug", "kind", "reason", "created_at")),
        Table("appeals", "Your appeals, and the answers.", Appeal, "sanction__participant__user_id",
              columns=("id", "sanction_id", "body", "status", "answer", "created_at", "answered_at")),
        Table("fair_play_leads", "Leads of fair play that name you; who else they name is not yours to see.", Finding,
              lambda user_id: Q(participant__user_id=user_id) | Q(other__user_id=user_id),
              columns=("id", "contest__slug", "kind", "score", "status", "created_at", "updated_at")),
    ),
    erase=_erase,
)  # fmt: skip
