"""Traces of devices, addresses and payments, and the leads drawn from them: who may be one person.

Of what was seen only a keyed hash is kept, for as long as RETENTION_DAYS says. A lead is for a moderator to look at;
nothing here refuses or bans anyone.
"""

from ipaddress import ip_address

from django.db.models import F
from django.db.models.functions import Now

from accounts.adapters.crypto import keyed_hash
from accounts.domain.client import Client
from accounts.models import DeviceSighting


def client_seen_in_tx(*, user_id: int, client: Client) -> None:
    """Remember the device and the address that a user came with."""
    if client.device:
        _seen_in_tx(user_id, DeviceSighting.Kind.DEVICE, client.device)
    if client.ip and ip_address(client.ip).is_global:
        sighting_record(user_id=user_id, kind=DeviceSighting.Kind.IP, value=client.ip)


def sighting_record(*, user_id: int, kind: str, value: str) -> None:
    """Remember that a user was seen with a device, an address or a payment instrument; the value is not kept."""
    _seen_in_tx(user_id, kind, keyed_hash(f"sighting:{kind}", value))


def _seen_in_tx(user_id: int, kind: str, digest: str) -> None:
    sighting, is_new = DeviceSighting.objects.get_or_create(user_id=user_id, kind=kind, digest=digest)
    if not is_new:
        DeviceSighting.objects.filter(pk=sighting.pk).update(last_seen_at=Now(), times=F("times") + 1)
