"""The order path's SQL functions and the append-only tables of the trading app."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
UNDO = """
DROP FUNCTION IF EXISTS trading_apply(jsonb);
DROP FUNCTION IF EXISTS trading_snapshot(bigint, bigint, bigint, text, text, timestamptz);
DROP SEQUENCE IF EXISTS trading_order_id;
DROP SEQUENCE IF EXISTS trading_fill_id;
"""
TABLES = "unnest(ARRAY['trading_ordertransition', 'trading_fill']) AS t"


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial"), ("core", "0002_ledger_triggers")]
    operations = [
        migrations.RunSQL((SQL / "order_path.sql").read_text(), UNDO),
        migrations.RunSQL(
            f"SELECT core_append_only_attach(t::regclass) FROM {TABLES}",
            f"SELECT core_append_only_detach(t::regclass) FROM {TABLES}",
        ),
    ]
