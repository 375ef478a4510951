"""Plans, accounts, purchases and odds of the firm on the wire. Money is decimal strings of major units."""
