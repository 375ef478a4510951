"""CORS_ORIGINS in its three formats."""

import pytest

from config.settings import origins


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", []),
        ("https://one.example", ["https://one.example"]),
        ("https://one.example/, http://localhost:5173", ["https://one.example", "http://localhost:5173"]),
        ('["https://one.example/", "https://two.example"]', ["https://one.example", "https://two.example"]),
        ("*", ["*"]),
        ('["*"]', ["*"]),
    ],
)
def test_comma_list_json_array_or_single(raw, expected):
    assert origins(raw) == expected
