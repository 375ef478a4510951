"""The end of onboarding: noticed by whichever step comes last."""

from django.utils import timezone

from accounts.models import Profile, User
from accounts.selectors.profile import progress_of
from core.services import audit, outbox


def onboarding_finish_in_tx(user: User) -> bool:
    """Mark a locked user's onboarding as complete when its last step is done; whether it is complete now."""
    progress = progress_of(user)
    if progress.is_onboarded or progress.is_blocked or progress.open_step is not None:
        return progress.is_onboarded
    Profile.objects.filter(pk=user.pk).update(onboarded_at=timezone.now())
    audit.record(actor=user, action="onboarded", subject_type="user", subject_id=user.pk)
    outbox.emit(topic="accounts.onboarded", aggregate=f"user:{user.pk}", payload={"user_id": user.pk})
    return True
