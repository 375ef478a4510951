"""The order path's sequences and the append-only tables of the trading app."""

from django.db import migrations

SEQUENCES = """
CREATE SEQUENCE IF NOT EXISTS trading_order_id;
CREATE SEQUENCE IF NOT EXISTS trading_fill_id;
"""
UNDO = """
DROP SEQUENCE IF EXISTS trading_order_id;
DROP SEQUENCE IF EXISTS trading_fill_id;
"""
TABLES = "unnest(ARRAY['trading_ordertransition', 'trading_fill']) AS t"


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial"), ("core", "0002_ledger_triggers")]
    operations = [
        # The functions themselves are (re)made by the newest migration that changes trading/sql/order_path.sql.
        migrations.RunSQL(SEQUENCES, UNDO),
        migrations.RunSQL(
            f"SELECT core_append_only_attach(t::regclass) FROM {TABLES}",
            f"SELECT core_append_only_detach(t::regclass) FROM {TABLES}",
        ),
    ]
