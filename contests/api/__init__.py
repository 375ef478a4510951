"""The contests API: listing, joining, running, standings, and the arena of the first brief."""
