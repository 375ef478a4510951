"""Who may use which address: one module an area, read by tests/test_authorization.py."""
