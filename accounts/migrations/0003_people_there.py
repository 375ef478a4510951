"""Profiles of the people who were there before; agents are asked nothing."""

from django.db import migrations


def fill(apps, schema_editor):
    user, profile = apps.get_model("accounts", "User"), apps.get_model("accounts", "Profile")
    user.objects.filter(kind="agent").update(clearance=2_147_483_647)
    ids = user.objects.filter(kind="person", profile__isnull=True).values_list("pk", flat=True)
    profile.objects.bulk_create([profile(user_id=pk) for pk in ids], batch_size=1_000)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_people")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
