"""Agents with a moving-average crossover trade as they did: a plain crossing has become the default."""

from django.db import migrations

FORWARD = """
UPDATE ai_strategies_agent SET params = '{"band_bps": 20, "on_crossing": 0}'::jsonb || params
WHERE strategy = 'sma_crossover';
"""
BACK = "UPDATE ai_strategies_agent SET params = params - 'on_crossing' WHERE strategy = 'sma_crossover';"


class Migration(migrations.Migration):
    dependencies = [("ai_strategies", "0003_backtest")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
