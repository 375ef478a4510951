"""Time-boxed contests with live standings."""
