"""How long traces of people are kept: where they signed in, what they came with, the leads drawn from it."""

from django.conf import settings

from accounts.services.leads import leads_forget_old, sightings_forget_old
from accounts.services.retention import Rule, rule_register
from accounts.services.signins import signins_forget_old


def _old_sign_ins() -> int:
    return signins_forget_old(days=settings.RETENTION_DAYS["sign_ins"])


def register() -> None:
    """Add the rules."""
    for rule in (
        Rule("sign_ins", "Where people were signed in", "RETAIN_SIGN_INS_DAYS after it was last used", _old_sign_ins),
        Rule("sightings", "Hashes of devices, addresses and payments", "RETAIN_SIGHTINGS_DAYS", sightings_forget_old),
        Rule("leads", "Leads that nobody decided", "RETAIN_SIGHTINGS_DAYS after their traces", leads_forget_old),
    ):
        rule_register(rule)
