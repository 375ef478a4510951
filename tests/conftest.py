"""Options of the tests that look at the whole."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write` lets tests/test_authorization.py write docs/authorization.md."""
    parser.addoption("--write", action="store_true", help="write docs/authorization.md from the matrix")
