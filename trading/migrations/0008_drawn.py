"""What an account has filled of one quote: its share of the volume counts the account, not each order."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"


def _figure() -> models.DecimalField:
    return models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=20)


class Migration(migrations.Migration):
    dependencies = [("trading", "0007_rule_phase")]
    operations = [
        migrations.AddField(
            "position",
            "drawn_tick",
            models.IntegerField(db_default=-1, default=-1, help_text="The quote that it last filled on"),
        ),
        migrations.AddField("position", "drawn_bought", _figure()),
        migrations.AddField("position", "drawn_sold", _figure()),
        migrations.RunSQL((SQL / "order_path.sql").read_text(), migrations.RunSQL.noop),
    ]
