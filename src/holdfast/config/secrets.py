"""What looks like a secret: by the name of a variable, or by the shape of its value."""

from __future__ import annotations

import re

_PARTS = {
    *("SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASS", "PWD", "PASSPHRASE", "SALT"),
    *("TOKEN", "CREDENTIAL", "CREDENTIALS", "APIKEY"),
}
_PAIRS = re.compile(r"(?:API|SECRET|PRIVATE|ACCESS|ENCRYPTION|SIGNING|AUTH|MASTER)_?KEY")
_ABOUT_ONE = {
    *("FILE", "PATH", "DIR", "NAME", "TTL", "AGE", "EXPIRY", "EXPIRES", "SECONDS", "MINUTES"),
    *("HOURS", "DAYS", "LENGTH", "HEADER", "HASHERS", "ALGORITHM", "TYPE", "ENABLED", "ID"),
}
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^@\s/]+@"
    r"|\b(?:sk_live_|rk_live_|sk-|ghp_|github_pat_|glpat-|xox[abprs]-|AKIA[0-9A-Z]{16}|SG\.)"
)
_HARMLESS = re.compile(r"(?:true|false|yes|no|on|off|none|[0-9.]*)\Z", re.IGNORECASE)


def secret_name(name: str) -> bool:
    """Whether a variable of this name is a secret by custom (``SECRET_KEY``, ``DB_PASSWORD``)."""
    parts = name.upper().split("_")
    if parts[-1] in _ABOUT_ONE:
        return False
    return bool(_PARTS & set(parts) or _PAIRS.search(name.upper()))


def secret_value(value: str) -> bool:
    """Whether a value is a secret whatever its name: a key, or a URL with a password in it."""
    return bool(_SHAPES.search(value))


def looks_secret(name: str, value: str) -> bool:
    return secret_value(value) or (secret_name(name) and not _HARMLESS.match(value))
