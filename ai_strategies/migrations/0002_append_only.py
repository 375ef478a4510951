"""Decisions are append-only; only `hold` rows, which are many and say little, may be pruned."""

from django.db import migrations

ATTACH = """
CREATE TRIGGER append_only_update BEFORE UPDATE ON ai_strategies_decision
    FOR EACH ROW EXECUTE FUNCTION core_append_only();
CREATE TRIGGER append_only_delete BEFORE DELETE ON ai_strategies_decision
    FOR EACH ROW WHEN (OLD.action <> 'hold') EXECUTE FUNCTION core_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ai_strategies_decision
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
"""
DETACH = """
DROP TRIGGER IF EXISTS append_only_update ON ai_strategies_decision;
DROP TRIGGER IF EXISTS append_only_delete ON ai_strategies_decision;
DROP TRIGGER IF EXISTS append_only_truncate ON ai_strategies_decision;
"""


class Migration(migrations.Migration):
    dependencies = [("ai_strategies", "0001_initial"), ("core", "0002_ledger_triggers")]
    operations = [migrations.RunSQL(ATTACH, DETACH)]
