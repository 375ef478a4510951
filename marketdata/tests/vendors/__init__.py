"""Vendors' clients against local servers that speak the vendors' protocols."""
