"""Who is not ranked, found without reading everyone. Built without locking out who joins."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contests", "0006_whole")]

    operations = [
        AddIndexConcurrently(
            model_name="participant",
            index=models.Index(
                condition=models.Q(("status", "active"), _negated=True), fields=["contest"], name="participant_out"
            ),
        ),
        RemoveIndexConcurrently(model_name="participant", name="participant_withdrawn"),
    ]
