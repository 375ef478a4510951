"""Unknown addresses answer in the site's own shape, in local mode as in production."""

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("debug", [True, False])
def test_unknown_addresses(client, settings, debug):
    settings.DEBUG = debug
    for path in ("/api/v1/nope", "/api/nope/", "/v1/nope"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
    page = client.get("/nope")
    assert page.status_code == 404
    assert "<main" in page.content.decode()
