"""Pure rules about people: no Django, no I/O."""
