"""Statements as files. Vendor libraries of the trading app are imported here only."""
