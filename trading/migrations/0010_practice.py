"""One open practice account a person. The index is built without locking out orders."""

from django.db import migrations, models

NAME = "practice_account_once"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("trading", "0009_standing")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddConstraint(
                    model_name="account",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("purpose", "practice"), models.Q(("status", "closed"), _negated=True)),
                        fields=("owner",),
                        name=NAME,
                    ),
                )
            ],
            database_operations=[
                migrations.RunSQL(
                    f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {NAME} ON trading_account (owner_id) "
                    "WHERE purpose = 'practice' AND NOT (status = 'closed' AND status IS NOT NULL)",
                    f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}",
                )
            ],
        ),
    ]
