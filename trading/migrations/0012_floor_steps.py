"""How floors of accounts have moved."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trading', '0011_enforcement_pauses'),
    ]

    operations = [
        migrations.CreateModel(
            name='FloorStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule_key', models.CharField(max_length=64)),
                ('market_at', models.DateTimeField()),
                ('reference_minor', models.BigIntegerField(help_text="The day's reference, the high water, or the initial balance")),
                ('floor_minor', models.BigIntegerField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trading.account')),
            ],
            options={
                'indexes': [models.Index(fields=['account', '-id'], name='floor_step_account')],
            },
        ),
        migrations.RunSQL(
            "SELECT core_append_only_attach('trading_floorstep')",
            "SELECT core_append_only_detach('trading_floorstep')",
        ),
    ]
