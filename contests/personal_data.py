"""What contests hold about a person: taking part. Figures and ranks stay when the person goes, the name does not."""

from accounts.domain.privacy import DELETED_NAME
from accounts.ports import PersonalData, Table
from contests.models import Award, Contest, Entry, Participant


def _erase(user_id: int) -> None:
    Participant.objects.filter(user_id=user_id).update(display_name=DELETED_NAME)


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
    ),
    erase=_erase,
)  # fmt: skip
