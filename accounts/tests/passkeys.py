"""An authenticator in software: makes a passkey and answers challenges as a real one does."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from accounts.models import User

FLAGS = AuthenticatorData.FLAG
HOST = "testserver"
ORIGIN = f"https://{HOST}"


class Passkey:
    """One passkey of a user."""

    def __init__(self, user: User, ident: bytes = b"i" * 32) -> None:
        self.user, self.ident = user, ident
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.counter = 0

    def store(self) -> Authenticator:
        """Register it, as the page of passkeys does."""
        public = ES256.from_cryptography_key(self.key.public_key())
        known = AttestedCredentialData.create(b"\0" * 16, self.ident, public)
        flags = FLAGS.UP | FLAGS.UV | FLAGS.AT
        data = AuthenticatorData.create(hashlib.sha256(HOST.encode()).digest(), flags, 0, known)
        response = {
            "clientDataJSON": self._client_data("webauthn.create", "x" * 43),
            "attestationObject": websafe_encode(bytes(AttestationObject.create("none", data, {}))),
        }
        credential = self._credential(response) | {"clientExtensionResults": {"credProps": {"rk": True}}}
        return Authenticator.objects.create(
            user=self.user, type=Authenticator.Type.WEBAUTHN, data={"name": "Test", "credential": credential}
        )

    def answer(
        self, options: dict[str, Any], *, verified: bool = True, origin: str = f"https://{HOST}"
    ) -> dict[str, Any]:
        """What the browser sends for these options."""
        self.counter += 1
        asked = options["publicKey"]
        flags = FLAGS.UP | FLAGS.UV if verified else FLAGS.UP
        data = AuthenticatorData.create(hashlib.sha256(asked["rpId"].encode()).digest(), flags, self.counter)
        client_data = self._client_raw("webauthn.get", asked["challenge"], origin)
        signed = bytes(data) + hashlib.sha256(client_data).digest()
        response = {
            "clientDataJSON": websafe_encode(client_data),
            "authenticatorData": websafe_encode(bytes(data)),
            "signature": websafe_encode(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": websafe_encode(user_pk_to_url_str(self.user).encode()),
        }
        return self._credential(response)

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        ident = websafe_encode(self.ident)
        return {
            "id": ident,
            "rawId": ident,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }

    def _client_raw(self, kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()

    def _client_data(self, kind: str, challenge: str) -> str:
        return websafe_encode(self._client_raw(kind, challenge, ORIGIN))
