"""Payment providers behind payments.domain.ports.Provider, one module a vendor."""
