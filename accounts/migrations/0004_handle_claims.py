"""Handles that look alike are never held by two people, and a given-up one stays out of reach for a while."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_people_there")]
    operations = [
        migrations.CreateModel(
            name="HandleClaim",
            fields=[
                ("skeleton", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("handle", models.CharField(max_length=20)),
                ("claimed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "released_at",
                    models.DateTimeField(blank=True, help_text="Given up; free for others after a while", null=True),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="handle_claims",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("released_at__isnull", True)),
                        fields=("user",),
                        name="handle_claim_one_each",
                    )
                ],
            },
        ),
    ]
