"""The ledger's laws as PostgreSQL triggers: append-only, zero-sum at commit."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=[(SQL / "ledger.sql").read_text()],
            reverse_sql=[(SQL / "ledger_drop.sql").read_text()],
        )
    ]
