"""Choices that wait, margin calls, and what was told about risk."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trading', '0004_trading_core_sql'),
    ]

    operations = [
        migrations.AddField(
            model_name='risksettings',
            name='chosen',
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name='risksettings',
            name='pending',
            field=models.JSONField(blank=True, null=True),
        ),
        # What a person had set until now was their own choice.
        migrations.RunSQL("UPDATE trading_risksettings SET chosen = limits", migrations.RunSQL.noop),
        # Orders from before they kept what they paid.
        migrations.RunSQL(
            """
            UPDATE trading_order o SET notional_minor = f.notional, fees_minor = f.fees FROM (
                SELECT order_id, sum(notional_minor) AS notional, sum(fee_minor) AS fees FROM trading_fill
                GROUP BY order_id) f
            WHERE f.order_id = o.id AND o.notional_minor = 0
            """,
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name='MarginCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tick', models.IntegerField()),
                ('market_at', models.DateTimeField()),
                ('equity_minor', models.BigIntegerField()),
                ('exposure_minor', models.BigIntegerField()),
                ('maintenance_minor', models.BigIntegerField()),
                ('close_out_minor', models.BigIntegerField()),
                ('outcome', models.CharField(blank=True, choices=[('', 'Open'), ('met', 'Met'), ('reduced', 'Reduced')], db_default='', default='', max_length=8)),
                ('reduced_orders', models.IntegerField(db_default=0, default=0)),
                ('ended_tick', models.IntegerField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, help_text='Market time', null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trading.account')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_tick__isnull', True)), fields=('account',), name='margin_call_open_once'), models.UniqueConstraint(fields=('account', 'tick'), name='margin_call_once_a_tick')],
            },
        ),
        migrations.CreateModel(
            name='RiskNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(help_text='daily_loss_limit', max_length=24)),
                ('day_index', models.IntegerField()),
                ('market_at', models.DateTimeField()),
                ('details', models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trading.account')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('account', 'kind', 'day_index'), name='risk_notice_once')],
            },
        ),
    ]
