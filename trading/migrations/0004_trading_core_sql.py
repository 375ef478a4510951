"""The order path's SQL functions, and resting orders of before under the new index."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
OLD = "DROP FUNCTION IF EXISTS trading_snapshot(bigint, bigint, bigint, text, text, timestamptz)"
UNDO = """
DROP FUNCTION IF EXISTS trading_apply(jsonb);
DROP FUNCTION IF EXISTS trading_snapshot(bigint, jsonb);
DROP FUNCTION IF EXISTS trading_post(bigint, text, text, text, text, jsonb, timestamptz);
DROP FUNCTION IF EXISTS trading_charge_account(bigint, text, text);
"""
RESTING = """
UPDATE trading_order SET seen_tick = accepted_tick, wake = CASE side WHEN 'buy' THEN 'bl' ELSE 'sl' END,
    wake_price = limit_price
WHERE status IN ('accepted', 'partially_filled') AND wake = ''
"""


class Migration(migrations.Migration):
    dependencies = [("trading", "0003_trading_core")]
    operations = [
        migrations.RunSQL(OLD, migrations.RunSQL.noop),
        migrations.RunSQL((SQL / "order_path.sql").read_text(), UNDO),
        migrations.RunSQL(RESTING, migrations.RunSQL.noop),
        migrations.RunSQL(
            "SELECT core_append_only_attach('trading_adjustment')",
            "SELECT core_append_only_detach('trading_adjustment')",
        ),
    ]
