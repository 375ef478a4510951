"""What is private in a text or a field, and how it is masked. Pure: used by the logs, and by nothing that decides."""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network

MASK = "***"
MAX_TEXT = 20_000
_MAX_DEPTH, _MAX_ITEMS = 6, 200

# Fields that are private by name: these words, alone or as the last part of a name ("client_ip", "new_password").
_PRIVATE_WORDS = """
    password passwords passwd email emails token tokens refresh access authorization cookie cookies secret secrets
    apikey digest otp totp pin phone phones mobile ip addr address useragent birthdate birthday dob sessionid sessionkey
    csrftoken credential credentials body params query
"""
_WORDS = frozenset(_PRIVATE_WORDS.split())
_PAIRS = frozenset(
    {
        ("api", "key"), ("session", "key"), ("private", "key"), ("signing", "key"), ("display", "name"),
        ("legal", "name"), ("first", "name"), ("last", "name"), ("full", "name"), ("user", "agent"), ("birth", "date"),
        ("device", "hash"), ("verification", "code"), ("recovery", "codes"),
    }
)  # fmt: skip

_EMAIL = re.compile(r"[^\s@\"<>,;:(\[]+@[^\s@\"'<>,;:=)\]}]+\.[^\s@\"'<>,;:=)\]}]+")
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")
_API_KEY = re.compile(r"\bak_[0-9a-f]{8}_[\w-]+")
_HASH = re.compile(r"\b(?:argon2|pbkdf2_sha256|bcrypt_sha256|scrypt)\$\S+")
_BEARER = re.compile(r"(?i)\b(bearer|basic|apikey|api-key)[ \t]+[\w.~+/=-]{8,}")
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|set-cookie|cookie|x-api-key|x-csrftoken)(['\"]?\s*[:=]\s*)([^\r\n]+)"
)
_PAIR = re.compile(
    r"(?i)\b(\w*(?:password|passwd|secret|token|sessionid|csrftoken|api_?key|display_name|legal_name|birth_date|"
    r"user_agent|phone))(['\"]?\s*[=:]\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;&)}\]]+)"
)
# Links that are keys.
_LINK = re.compile(r"(/(?:verify|password/reset|invite|unsubscribe|people)/)[^\s/?#\"'<>]+")
_URL_USER = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+@")
_QUERY = re.compile(r"((?:https?://|/)[^\s?\"'<>]*\?)[^\s\"'<>]+")
_PHONE = re.compile(r"(?<![\w.+-])\+\d(?:[\s().-]?\d){6,14}(?!\w)")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w)(?!\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])")
# What databases and Redis quote back in their errors: whole rows, values of columns, parameters, commands.
_ROW = re.compile(r"(Failing row contains )(?:\(.*\)\.(?=\s|$)|\(.*)", re.DOTALL)
_KEY_VALUE = re.compile(
    r"(Key \([^\n]*?\)=)\((?:[^\n]*)\)(?= (?:already|is (?:still|not)|conflicts|violates)|\.?$)", re.MULTILINE
)
_INPUT = re.compile(r"(invalid (?:input )?(?:syntax|value)[^\n:]*: )\"[^\n]*\"")
_STATEMENT = re.compile(r"^(LINE \d+: )[^\n]*", re.MULTILINE)
_PARAMETER = re.compile(r"(parameter \$\d+ = )'[^\n]*'")
_COMMAND = re.compile(r"(Command # \d+ )\(.*?\)( of pipeline)", re.DOTALL)
_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "0.0.0.0/32", "::1/128")
_OURS = tuple(map(ip_network, _NETWORKS))


def text_masked(text: str) -> str:
    """The text without what identifies a person or opens a door, wherever it stands in it.

    Addresses of email, telephone numbers, public IP addresses, tokens, keys, hashes of passwords, cookies, headers that
    authorise, links that are keys, query strings, and values that databases quote in their errors. Addresses of our own
    networks stay: they tell which server did not answer. Names and other free text cannot be told from words: they are
    never logged (core/tests/test_logs.py).
    """
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]} ... (cut)"
    for wanted, pattern, replacement in _RULES:
        if wanted is None or any(mark in text for mark in wanted):
            text = pattern.sub(replacement, text)
    return text


def is_private(name: object) -> bool:
    """Whether a field is private by its name."""
    parts = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name)).lower())
    if not parts:
        return False
    last = parts[-1]
    return last in _WORDS or "".join(parts) in _WORDS or tuple(parts[-2:]) in _PAIRS


def masked(value: object, *, depth: int = 0) -> object:
    """A value of a log's field with everything private in it masked; what is no plain value becomes text first."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return text_masked(value)
    if depth < _MAX_DEPTH and isinstance(value, dict):
        items = list(value.items())[:_MAX_ITEMS]
        return {
            text_masked(str(key)): MASK if is_private(key) else masked(item, depth=depth + 1) for key, item in items
        }
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [masked(item, depth=depth + 1) for item in list(value)[:_MAX_ITEMS]]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return text_masked(repr(value) if not isinstance(value, BaseException) else f"{type(value).__name__}: {value}")


def _address(found: re.Match[str]) -> str:
    text = found[0]
    try:
        address = ip_address(text)
    except ValueError:
        return text
    return text if any(address in network for network in _OURS) else MASK


Replacement = str | Callable[[re.Match[str]], str]
# (what the text must hold for the pattern to be worth trying, pattern, replacement), in this order.
_RULES: tuple[tuple[tuple[str, ...] | None, re.Pattern[str], Replacement], ...] = (
    (("Failing row",), _ROW, rf"\1({MASK})"),
    (("Key (",), _KEY_VALUE, rf"\1({MASK})"),
    (("invalid ",), _INPUT, rf'\1"{MASK}"'),
    (("LINE ",), _STATEMENT, rf"\1{MASK}"),
    (("parameter $",), _PARAMETER, rf"\1'{MASK}'"),
    (("of pipeline",), _COMMAND, rf"\1({MASK})\2"),
    (None, _HEADER, rf"\1\2{MASK}"),
    (("eyJ",), _JWT, MASK),
    (("ak_",), _API_KEY, MASK),
    (("$",), _HASH, MASK),
    (None, _BEARER, rf"\1 {MASK}"),
    (("://",), _URL_USER, ""),
    (("/",), _LINK, rf"\1{MASK}"),
    (("?",), _QUERY, rf"\1{MASK}"),
    (("=", ":"), _PAIR, rf"\1\2{MASK}"),
    (("@",), _EMAIL, MASK),
    (("+",), _PHONE, MASK),
    ((".",), _IPV4, _address),
    (("::", ":"), _IPV6, _address),
)
