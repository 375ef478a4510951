"""Secrets at rest: what must be read again is encrypted, what must only be recognised is hashed with a key.

Every key of FIELD_KEYS reads; the first one writes. Both kinds of key are derived, so neither is used for two things.
"""

import hmac
from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class UnreadableSecretError(Exception):
    """No key of FIELD_KEYS opens this text."""


def encrypt(text: str) -> str:
    """The text, encrypted with the first key."""
    return _fernet(tuple(settings.FIELD_KEYS)).encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """The plain text; raises UnreadableSecretError."""
    try:
        return _fernet(tuple(settings.FIELD_KEYS)).decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise UnreadableSecretError from error


def is_current(text: str) -> bool:
    """Whether the first key alone opens the text."""
    try:
        _fernet(tuple(settings.FIELD_KEYS[:1])).decrypt(text.encode())
    except InvalidToken:
        return False
    return True


def keyed_hash(purpose: str, text: str) -> str:
    """64 hex digits that stand for the text; nobody without the first key can tell for which."""
    return hmac.new(_derived(settings.FIELD_KEYS[0], f"hash:{purpose}"), text.encode(), sha256).hexdigest()


@lru_cache(maxsize=8)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(_derived(key, "fernet"))) for key in keys])


@lru_cache(maxsize=64)
def _derived(key: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"arena.fields", info=purpose.encode()).derive(key.encode())
