"""What a profile may say. Pure."""

import unicodedata

from core.errors import Invalid

MAX_BIO = 200
# Formats of figures and dates that the pages know.
LOCALES = (("en", "English, 1,234.50"), ("en-gb", "English (UK), 1,234.50"), ("de", "German, 1.234,50"))
CURRENCIES = (
    ("USD", "US dollar"), ("EUR", "Euro"), ("GBP", "Pound sterling"), ("CHF", "Swiss franc"), ("INR", "Indian rupee"),
    ("JPY", "Japanese yen"), ("CAD", "Canadian dollar"), ("AUD", "Australian dollar"), ("SGD", "Singapore dollar"),
)  # fmt: skip
# Characters that draw nothing or turn the text around them.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def bio_clean(text: str) -> str:
    """A line about oneself: no control characters, white space as single blanks. Raises Invalid `bio_invalid`."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if any(unicodedata.category(letter) in _UNSEEN and letter not in "\u200d\ufe0f" for letter in text):
        raise _bio("Leave out characters that cannot be seen.")
    if len(text) > MAX_BIO:
        raise _bio(f"Use at most {MAX_BIO} characters.")
    return text


def choice_check(field: str, value: str, known: object, words: str) -> None:
    """Raise Invalid `<field>_unknown` for a value that is not among the known ones."""
    if value not in known:  # type: ignore[operator]
        raise Invalid(f"{field}_unknown", words, {field: [words]})


def _bio(words: str) -> Invalid:
    return Invalid("bio_invalid", words, {"bio": [words]})
