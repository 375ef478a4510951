"""The chart of accounts of the book `real`: what each account is called, and which way it grows. Pure.

Postings are signed: positive is a debit (assets and costs grow), negative a credit (debts and revenue grow).
"""

CLEARING, CUSTOMER, FEES, DEFERRED, PRIZE_POOL = "clearing", "customer", "fees", "deferred", "prize_pool"
PAYABLE, REVENUE, DISPUTE, TAX, BANK, SUSPENSE = "payable", "revenue", "dispute", "tax", "bank", "suspense"
COSTS = "costs"

DEFERRED_PLANS, REVENUE_PLANS = "deferred:plans", "revenue:plans"


def clearing(provider: str) -> str:
    """Our money at a provider (debit)."""
    return f"clearing:{provider}"


def fees(provider: str) -> str:
    """What a provider has charged us (debit)."""
    return f"fees:{provider}"


def dispute(provider: str) -> str:
    """What a provider holds back while a charge is disputed (debit)."""
    return f"dispute:{provider}"


def bank(provider: str) -> str:
    """What a provider has sent to our bank (debit)."""
    return f"bank:{provider}"


def customer(user_id: int) -> str:
    """What a person has paid and not yet been given anything for (credit)."""
    return f"customer:{user_id}"


def payable(user_id: int) -> str:
    """What we owe a person and they may ask for (credit)."""
    return f"payable:{user_id}"


def reserved(user_id: int) -> str:
    """What a person has asked for and is on its way (credit)."""
    return f"reserved:{user_id}"


def prize_pool(reference: str) -> str:
    """What entrants have paid in and winners will get (credit)."""
    return f"prize_pool:{reference}"


def revenue(what: str) -> str:
    """What we have earned (credit)."""
    return f"revenue:{what}"


def costs(what: str) -> str:
    """What our business costs us: shares of profit, commissions (debit)."""
    return f"costs:{what}"


def tax(country: str) -> str:
    """What we have taken for a country's tax office (credit)."""
    return f"tax:{country.lower() or 'none'}"


SUSPENSE_ACCOUNT = "suspense"
KINDS = {
    "clearing": CLEARING, "fees": FEES, "dispute": DISPUTE, "bank": BANK, "customer": CUSTOMER, "payable": PAYABLE,
    "reserved": PAYABLE, "prize_pool": PRIZE_POOL, "revenue": REVENUE, "deferred": DEFERRED, "tax": TAX,
    "suspense": SUSPENSE, "costs": COSTS,
}  # fmt: skip


def kind_of(account: str) -> str:
    """The kind of an account, by the first part of its code. Raises KeyError."""
    return KINDS[account.partition(":")[0]]
