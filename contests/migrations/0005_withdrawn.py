"""Who is out of a contest, found without reading everyone. Built without locking out who joins."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contests", "0004_admission")]

    operations = [
        AddIndexConcurrently(
            model_name="participant",
            index=models.Index(
                condition=models.Q(("status", "withdrawn")), fields=["contest"], name="participant_withdrawn"
            ),
        ),
    ]
