"""Operator pages of legal texts and consents."""
