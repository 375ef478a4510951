"""Pure Python: no Django, no I/O, no clock, no global random."""
