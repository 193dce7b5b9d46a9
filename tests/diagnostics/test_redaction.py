"""A secret is found in whatever spelling it stands in a text."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.diagnostics.redaction import Redactor, secret_values

SECRET = 'p@ss/wörd+"quote"&<tag>\\slash'
SPELLINGS = {
    "as it is": SECRET,
    "quoted": quote(SECRET),
    "quoted in full": quote(SECRET, safe=""),
    "quoted in small letters": quote(SECRET, safe="").lower(),
    "quoted twice": quote(quote(SECRET, safe=""), safe=""),
    "quoted in a form": quote_plus(SECRET),
    "in JSON": json.dumps(SECRET),
    "in JSON with its letters": json.dumps(SECRET, ensure_ascii=False),
    "in HTML": html.escape(SECRET),
    "in a representation": repr(SECRET),
    "in hex": SECRET.encode().hex().upper(),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_spelling_is_hidden(spelling: str) -> None:
    hidden = Redactor([SECRET])(f"before {spelling} after")
    assert "***" in hidden
    assert hidden.startswith("before ")
    assert "wörd" not in hidden
    assert spelling.strip("'\"") not in hidden


@given(before=st.binary(max_size=7), after=st.binary(max_size=7), secret=st.text(min_size=8, max_size=40))
def test_a_secret_inside_other_base64_is_hidden(before: bytes, after: bytes, secret: str) -> None:
    whole = before + secret.encode("utf-8", "ignore") + after
    if secret.encode("utf-8", "ignore").decode() != secret:
        return
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(whole).decode()
        assert "***" in Redactor([secret])(f"basic auth {text}")


ADDRESS = "https://user-name:pass-word@hook.example/services/T0K3N-part?sig=also-secret"


@pytest.mark.parametrize("part", ["user-name", "pass-word", "T0K3N-part", "also-secret", "services/T0K3N-part"])
def test_the_parts_of_an_address_are_secret_too(part: str) -> None:
    assert part not in Redactor([ADDRESS])(f"failed: /{part} (host='hook.example')")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET https://api.keepa.com/token?key=abc123&x=1", "GET https://api.keepa.com/token?key=***&x=1"),
        ("redis://:pw@127.0.0.1:1/0 away", "redis://***@127.0.0.1:1/0 away"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("'X-Admin-Key': 'abcdef'", "'X-Admin-Key': '***'"),
        ("nothing here: monkey=7 in https://h.example/a", "nothing here: monkey=7 in https://h.example/a"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_whoevers_it_is(text: str, hidden: str) -> None:
    assert Redactor([])(text) == hidden


def test_secrets_are_known_by_their_name_or_by_a_password_in_them() -> None:
    values = {
        "AWS_SECRET_ACCESS_KEY": "one",
        "PATH": "/usr/bin",
        "BROKER": "amqp://u:two@h",
        "GITHUB_TOKEN": "three ",
        "HOME": "/root",
        "EMPTY_KEY": "",
    }
    assert secret_values(values) == ["one", "amqp://u:two@h", "three"]


def test_without_a_secret_the_text_stays() -> None:
    redact = Redactor([])
    assert redact("a plain line") == "a plain line"
    assert not redact.leaks("a plain line")
