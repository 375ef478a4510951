"""Plans, prices and invoices keep what they say, as PostgreSQL triggers."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=[(SQL / "laws.sql").read_text()],
            reverse_sql=[(SQL / "laws_drop.sql").read_text()],
        )
    ]
