"""What contests hold about a person: taking part. Figures and ranks stay when the person goes, the name does not."""

from django.db.models import F, Q

from accounts.domain.privacy import DELETED_NAME
from accounts.ports import PersonalData, Table
from contests.models import (
    Appeal,
    Award,
    Broadcast,
    Certificate,
    Comment,
    CommentReport,
    Contest,
    ContestTemplate,
    Entry,
    Finding,
    Follow,
    Mute,
    Participant,
    Sanction,
    Team,
    TeamMember,
    Waiting,
)
from contests.services.comments import social_erase


def _erase(user_id: int) -> None:
    Participant.objects.filter(user_id=user_id).update(display_name=DELETED_NAME)
    running = Contest.objects.filter(participants__user_id=user_id, ended_at=None).values("pk")
    Contest.objects.filter(pk__in=running).update(people_version=F("people_version") + 1)
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
        Table("contest_templates", "Templates of contests that you made.", ContestTemplate, "created_by_id",
              columns=("id", "slug", "name", "created_at")),
        Table("contest_messages", "What you wrote to everyone in contests of yours.", Broadcast, "author_id",
              columns=("id", "contest__slug", "body", "created_at")),
        Table("contest_waiting", "Full contests in which you waited for a place.", Waiting, "user_id",
              columns=("id", "contest__slug", "status", "offered_until", "created_at")),
        Table("contest_teams_led", "Teams that you lead.", Team, "participant__user_id",
              columns=("id", "contest__slug", "name", "created_at")),
        Table("contest_teams", "Teams that you joined.", TeamMember, "user_id",
              columns=("id", "contest__slug", "team__name", "joined_at", "left_at")),
        Table("certificates", "Your certificates, by the code in their address.", Certificate, "participant__user_id",
              columns=("id", "code", "participant__contest__slug", "created_at")),
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
