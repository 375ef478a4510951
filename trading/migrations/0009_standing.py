"""The order path looks at the owner's clearance, at the edition of the texts in force and at the platform's halt."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0008_drawn"),
        ("accounts", "0003_people_there"),
        ("core", "0003_systemflag"),
    ]
    operations = [migrations.RunSQL((SQL / "order_path.sql").read_text(), migrations.RunSQL.noop)]
