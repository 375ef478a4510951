"""Plans that were sold, activities and certificates keep what they say, as PostgreSQL triggers."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
TABLES = ("propfirm_propactivity", "propfirm_propcertificate")


class Migration(migrations.Migration):
    dependencies = [("propfirm", "0001_initial"), ("core", "0002_ledger_triggers")]

    operations = [
        migrations.RunSQL(
            sql=[(SQL / "laws.sql").read_text()],
            reverse_sql=[(SQL / "laws_drop.sql").read_text()],
        ),
        *[
            migrations.RunSQL(
                f"SELECT core_append_only_attach('{table}')",
                f"SELECT core_append_only_detach('{table}')",
            )
            for table in TABLES
        ],
    ]
