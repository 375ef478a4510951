"""Handles: what they may be made of, which are nobody's, and which look alike. Pure."""

import re
from datetime import timedelta

from confusable_homoglyphs import confusables

from core.errors import Conflict, Invalid

PATTERN = re.compile(r"[a-z0-9_]{3,20}")
CHANGE_AFTER = timedelta(days=30)
FREE_AFTER = timedelta(days=90)

_RESERVED_WORDS = """
    about abuse account accounts admin administrator agent agents ai api arena arenaofficial auth avatar avatars billing
    blog bot bots broker community compliance contact contest contests css dashboard demo design docs email everyone
    faq feed finance fraud ftp guest health help here home host html http https identity img info it jobs js kyc legal
    login logout mail mailbox maintenance market markets media mod moderation moderator moderators money news noreply
    null official operator operators owner page pages password payment payments payout payouts people person playground
    postmaster press privacy prizes propfirm register risk root sales search security settings signin signup signout
    site staff static status store stream strategies subscribe suggestions superuser support sysadmin system team teams
    terms test trade trader trading tradingarena trust undefined user users verified webhook webhooks webmaster www you
"""
RESERVED = frozenset(_RESERVED_WORDS.split())
# Nobody speaks for the platform: these are refused as a part of a handle, too ("arena_support", "mod_jane").
_SPEAKING_WORDS = "admin administrator arena finance mod moderator official operator staff support sysadmin team"
SPEAKS_FOR_US = frozenset(_SPEAKING_WORDS.split())
# What the eye takes for one another among the characters of a handle.
_FOLDS = (("rn", "m"), ("vv", "w"))
_FOLD = str.maketrans({"0": "o", "1": "l", "i": "l", "_": None})
# What people write in place of letters, read back for reserved names only: it would join too many honest handles.
_LEET = str.maketrans({"3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g"})


def handle_clean(text: str) -> str:
    """A handle in its stored form. Raises Invalid: `handle_invalid`, or `handle_confusable` for look-alike letters."""
    handle = text.strip().removeprefix("@").lower()
    if not handle.isascii() and _imitates(handle):
        raise _refused(
            "handle_confusable",
            "Some of these letters only look like ordinary ones. Use the letters a to z, digits and underscores.",
        )
    if not PATTERN.fullmatch(handle) or not any(letter.isalpha() for letter in handle):
        raise _refused(
            "handle_invalid",
            "A handle has 3 to 20 characters: the letters a to z, digits and underscores, with at least one letter.",
        )
    if _is_reserved(handle):
        raise _refused("handle_reserved", "This handle is kept for the platform. Choose another.")
    return handle


def skeleton(handle: str) -> str:
    """What a handle looks like: equal for handles that the eye confuses. Underscores make no difference."""
    folded = handle.translate(_FOLD)
    for two, one in _FOLDS:
        folded = folded.replace(two, one)
    return folded


def handle_taken(wanted: str, held: str) -> Conflict:
    """The refusal of a handle that somebody has, exactly or to the eye."""
    if wanted == held:
        return Conflict("handle_taken", "This handle is taken. Choose another.", _at_field("This handle is taken."))
    words = "This handle looks too much like one that is taken. Choose another."
    return Conflict("handle_confusable", words, _at_field(words))


def _is_reserved(handle: str) -> bool:
    forms = {handle, handle.translate(_LEET)}
    if any(skeleton(form) in _RESERVED_SKELETONS for form in forms):
        return True
    parts = {skeleton(part) for form in forms for part in form.split("_") if part}
    return bool(parts & _SPEAKING_SKELETONS)


def _imitates(handle: str) -> bool:
    """Whether letters of other scripts stand for Latin ones."""
    found = (confusables.is_confusable(letter, preferred_aliases=[]) for letter in handle if not letter.isascii())
    return any(twin["c"].isascii() for letters in found if letters for item in letters for twin in item["homoglyphs"])


def _at_field(words: str) -> dict[str, list[str]]:
    return {"handle": [words]}


def _refused(code: str, words: str) -> Invalid:
    return Invalid(code, words, _at_field(words))


_RESERVED_SKELETONS = frozenset(skeleton(name) for name in RESERVED)
_SPEAKING_SKELETONS = frozenset(skeleton(name) for name in SPEAKS_FOR_US)
