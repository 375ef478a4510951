"""Background work of the firm."""

from celery import shared_task

from propfirm.services.affiliates import referrals_earn_due
from propfirm.services.fee_refunds import fee_refunds_due
from propfirm.services.lifecycle import phases_close_due
from propfirm.services.pairing import pairing_scan
from propfirm.services.scaling import scaling_run


@shared_task(name="propfirm.tasks.close")
def close() -> None:
    """Close the trading accounts of phases that are over."""
    phases_close_due()


@shared_task(name="propfirm.tasks.fee_refunds")
def fee_refunds() -> None:
    """Give back the fees that come with a payout."""
    fee_refunds_due()


@shared_task(name="propfirm.tasks.referrals")
def referrals() -> None:
    """Owe affiliates the commissions that are due."""
    referrals_earn_due()


@shared_task(name="propfirm.tasks.scaling")
def scaling() -> None:
    """Let funded accounts grow whose period is over."""
    scaling_run()


@shared_task(name="propfirm.tasks.pairing", soft_time_limit=800, time_limit=880)
def pairing() -> None:
    """Look for accounts that trade the same, or the opposite, of each other."""
    pairing_scan()
