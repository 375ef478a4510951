"""Recorded standings are append-only."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("contests", "0001_initial"), ("core", "0002_ledger_triggers")]
    operations = [
        migrations.RunSQL(
            "SELECT core_append_only_attach('contests_standingsnapshot')",
            "SELECT core_append_only_detach('contests_standingsnapshot')",
        ),
    ]
