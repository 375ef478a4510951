"""Vendors of market data: each behind marketdata.domain.providers.Provider. Their clients are imported here only."""
