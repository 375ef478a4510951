from core.local_secret import local_secret


def test_the_key_is_made_once_and_is_the_owners_alone(tmp_path):
    path = tmp_path / "deep" / "secret-key"
    key = local_secret(path)
    assert len(key) >= 64
    assert local_secret(path) == key
    assert path.stat().st_mode & 0o077 == 0
    assert local_secret(tmp_path / "other") != key
