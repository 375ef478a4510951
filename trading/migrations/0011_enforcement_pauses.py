"""Pauses of enforcement: listings whose price is not believed."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("marketdata", "0005_live_board"),
        ("trading", "0010_practice"),
    ]

    operations = [
        migrations.CreateModel(
            name='EnforcementPause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('halt', 'Halt'), ('anomaly', 'Anomaly'), ('operator', 'Operator')], max_length=8)),
                ('reason', models.CharField(max_length=200)),
                ('held_price', models.DecimalField(decimal_places=6, help_text='The last good one', max_digits=24)),
                ('seen_price', models.DecimalField(decimal_places=6, help_text='What the market showed', max_digits=24)),
                ('from_tick', models.IntegerField()),
                ('from_at', models.DateTimeField(help_text='Market time')),
                ('until_tick', models.IntegerField(blank=True, null=True)),
                ('until_at', models.DateTimeField(blank=True, help_text='Market time', null=True)),
                ('end_reason', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('listing', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='marketdata.listing')),
                ('market', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='marketdata.market')),
                ('released_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['market', 'until_tick'], name='pause_market')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('until_tick__isnull', True)), fields=('listing',), name='pause_open_once')],
            },
        ),
        migrations.AlterField(
            model_name='adjustment',
            name='kind',
            field=models.CharField(help_text='dividend, split, delisting, payout, scaling, correction', max_length=16),
        ),
    ]
