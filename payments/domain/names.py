"""Names as they are compared with lists of people who must not be paid. Pure."""

import unicodedata


def name_key(name: str) -> str:
    """A name without case, accents, punctuation and order: "Núñez, José" and "jose NUNEZ" are one."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(char))
    words = "".join(char if char.isalnum() else " " for char in plain).split()
    return " ".join(sorted(words))[:160]
