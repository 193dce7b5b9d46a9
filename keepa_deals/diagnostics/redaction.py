"""Takes secrets out of text, in whatever spelling they got there: as they are, quoted, escaped, base64, hex. Pure."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

HIDDEN = "***"
SHORTEST_PART = 4
"""A part of an address that is shorter stands in too many innocent words."""
SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|WEBHOOK|DEADMAN|DSN|AUTH|COOKIE", re.IGNORECASE)

_FORMS = (
    (re.compile(r"([?&](?:api_?key|key|token|secret|password|signature|sig)=)[^&\s\"'<>]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"(\w+://)[^/\s@\"']+@"), r"\1***@"),
    (
        re.compile(r"((?:authorization|x-admin-key|cookie)\W{1,4}(?:bearer |basic )?)[^\s\"',;]+", re.IGNORECASE),
        r"\1***",
    ),
)
"""What is a secret by where it stands, whoever's it is."""


def secret_values(values: Mapping[str, str]) -> list[str]:
    """The values among settings or environment that are secrets by their name or by a password in an address."""
    return [
        value.strip()
        for name, value in values.items()
        if value.strip() and (SECRET_NAME.search(name) or _password(value) is not None)
    ]


class Redactor:
    """Hides `secrets` and whatever looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {spelling for secret in secrets for part in _parts(secret) for spelling in _spellings(part)}
        longest_first = sorted(filter(None, spellings), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if longest_first else None

    def __call__(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        for form, hidden in _FORMS:
            text = form.sub(hidden, text)
        return text

    def leaks(self, text: str) -> bool:
        """Whether a secret is still in `text`."""
        return self._pattern is not None and self._pattern.search(text) is not None


def _parts(secret: str) -> set[str]:
    """A secret; of an address also the password, the user, and what follows the host."""
    if "://" not in secret:
        return {secret}
    try:
        address = urlsplit(secret)
        asked = [value for _, value in parse_qsl(address.query)]
        place = address.path.strip("/")
        pieces = [address.password, address.username, place, *place.split("/"), address.query, *asked]
    except ValueError:
        return {secret}
    if address.scheme in ("sqlite", "unix"):
        return {secret, *filter(None, [address.password])}
    long_enough = {piece for piece in pieces if piece and len(piece) >= SHORTEST_PART}
    return {secret, *long_enough, *map(unquote, long_enough)}


def _spellings(secret: str) -> set[str]:
    raw = secret.encode()
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        quote(quote(secret, safe=""), safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        repr(secret)[1:-1],
        *(_base64(raw, offset=offset) for offset in range(3)),
        *(_base64(raw, offset=offset).replace("+", "-").replace("/", "_") for offset in range(3)),
        *([raw.hex()] if len(raw) >= SHORTEST_PART else []),
    }


def _base64(raw: bytes, *, offset: int) -> str:
    """What of a longer text's base64 depends on `raw` alone when `raw` begins `offset` bytes into a group of three."""
    encoded = base64.b64encode(bytes(offset) + raw).decode().rstrip("=")
    mixed_with_next = 1 if (offset + len(raw)) % 3 else 0
    kept = encoded[(0, 2, 3)[offset] : len(encoded) - mixed_with_next]
    return kept if len(kept) >= SHORTEST_PART else ""


def _password(value: str) -> str | None:
    try:
        return urlsplit(value).password if "://" in value else None
    except ValueError:
        return None
