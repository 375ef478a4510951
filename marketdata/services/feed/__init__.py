"""The feed: vendors' streams, cleaned, on the board, in candles, in the database. Process: `run_feed`."""
