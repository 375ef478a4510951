"""Accounts that people are paid on, where the provider has no page that asks for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.errors import Invalid

# In the order in which a form asks: a bank account by number and branch, or a UPI address.
INDIAN_FIELDS = ("name", "account_number", "ifsc", "vpa")
_NAME = re.compile(r"[^\x00-\x1f<>]{3,60}")
_IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_NUMBER = re.compile(r"[0-9]{6,20}")
_VPA = re.compile(r"[A-Za-z0-9._-]{2,60}@[A-Za-z][A-Za-z0-9]{1,30}")


def indian_account(given: Mapping[str, str]) -> dict[str, str]:
    """The details of an Indian account, tidied: a name with number and IFSC, or with a UPI address.

    Raises Invalid `payee_details`, with the field in its details.
    """
    name = " ".join(str(given.get("name", "")).split())
    number = re.sub(r"[\s-]", "", str(given.get("account_number", "")))
    ifsc, vpa = str(given.get("ifsc", "")).strip().upper(), str(given.get("vpa", "")).strip()
    _require(_NAME.fullmatch(name), "name", "Write the name of the account's holder as the bank has it.")
    if vpa and (number or ifsc):
        _require(None, "vpa", "Give a bank account or a UPI address, not both.")
    if vpa:
        _require(_VPA.fullmatch(vpa), "vpa", "A UPI address looks like name@bank.")
        return {"name": name, "vpa": vpa}
    _require(_NUMBER.fullmatch(number), "account_number", "An account number has 6 to 20 digits.")
    _require(_IFSC.fullmatch(ifsc), "ifsc", "An IFSC has four letters, a zero and six more: HDFC0001234.")
    return {"name": name, "account_number": number, "ifsc": ifsc}


def _require(fits: object, field: str, message: str) -> None:
    if not fits:
        raise Invalid("payee_details", message, {"field": field})
