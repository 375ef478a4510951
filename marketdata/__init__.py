"""Instruments, bars, markets (a clock plus a source), the quote board."""
