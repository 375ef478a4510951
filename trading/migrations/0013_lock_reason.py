"""Room for the whole of a verdict's words."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trading', '0012_floor_steps'),
    ]

    operations = [
        migrations.AlterField(
            model_name='account',
            name='lock_reason',
            field=models.CharField(blank=True, db_default='', default='', max_length=500),
        ),
    ]
