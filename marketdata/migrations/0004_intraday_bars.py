"""Bars of minutes and hours, one partition a month: old ones go by dropping a table, and an index stays small."""

from django.db import migrations

CREATE = """
CREATE TABLE marketdata_intradaybar (
    instrument_id bigint NOT NULL,
    minutes smallint NOT NULL CHECK (minutes > 0 AND minutes < 1440),
    at timestamptz NOT NULL,
    open bigint NOT NULL CHECK (open > 0),
    high bigint NOT NULL,
    low bigint NOT NULL CHECK (low > 0),
    close bigint NOT NULL CHECK (close > 0),
    volume bigint NOT NULL CHECK (volume >= 0),
    trades integer NOT NULL DEFAULT 0,
    PRIMARY KEY (instrument_id, minutes, at),
    CHECK (low <= least(open, close) AND high >= greatest(open, close))
) PARTITION BY RANGE (at);
"""


class Migration(migrations.Migration):
    dependencies = [("marketdata", "0003_feed")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE marketdata_intradaybar")]
