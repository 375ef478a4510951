"""What people type on the market pages."""

from __future__ import annotations

from django import forms


class WatchlistForm(forms.Form):
    """The name of a list."""

    name = forms.CharField(min_length=1, max_length=60, strip=True, label="Name")


class SymbolForm(forms.Form):
    """A symbol, or `EXCHANGE:SYMBOL`."""

    symbol = forms.CharField(min_length=1, max_length=32, strip=True, label="Symbol")
