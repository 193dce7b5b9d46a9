"""Who is let in, under which name, and where a change may come from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

KEY = "an-admin-key-for-tests"
OPEN_TO_ALL = {"WEB_HOST": "0.0.0.0", "ADMIN_API_KEY": KEY}
OWN = {"Origin": "http://localhost"}


@pytest.fixture
def guarded(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app(**OPEN_TO_ALL).test_client()


def ask(client: FlaskClient, address: str) -> TestResponse:
    """One answer, its file closed."""
    with client.get(address) as response:
        return response


def test_every_route_but_the_open_ones_needs_the_key(make_app: Callable[..., Flask]) -> None:
    app = make_app(**OPEN_TO_ALL)
    client = app.test_client()
    asked = {
        rule.endpoint: ask(client, rule.rule.replace("<asin>", "B000000001").replace("<path:filename>", "base.css"))
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods
    }
    answered = {endpoint for endpoint, response in asked.items() if response.status_code == 200}
    assert answered == {"static", "status.healthz", "access.login"}
    assert {asked[name].status_code for name in ("api.deals", "api.deal", "api.deal_count", "status.readyz")} == {401}
    assert asked["pages.deals"].headers["Location"] == "/login?next=/"


@pytest.mark.parametrize(
    "headers", [{"X-Admin-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"Authorization": f"bearer {KEY}"}]
)
def test_a_program_shows_the_key_in_a_header(guarded: FlaskClient, headers: dict[str, str]) -> None:
    assert guarded.get("/api/deals", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Admin-Key": "wrong"},
        {"X-Admin-Key": ""},
        {"X-Admin-Key": KEY + "x"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {KEY}"},
        {"Cookie": f"key={KEY}"},
        {"X-Admin-Key": "ключ"},
    ],
)
def test_another_key_is_refused(guarded: FlaskClient, headers: dict[str, str]) -> None:
    encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    assert guarded.get("/api/deals", headers=encoded).status_code == 401


def test_the_key_in_the_address_is_no_key(guarded: FlaskClient) -> None:
    assert guarded.get(f"/api/deals?key={KEY}").status_code == 401


def test_on_loopback_no_key_is_needed(make_app: Callable[..., Flask]) -> None:
    assert make_app(ADMIN_API_KEY=KEY).test_client().get("/api/deals").status_code == 200


def test_a_browser_logs_in_goes_where_it_wanted_and_logs_out(guarded: FlaskClient) -> None:
    assert "Location" in guarded.get("/?roi_gte=5").headers
    entered = guarded.post("/login", data={"key": KEY, "next": "/?roi_gte=5"}, headers=OWN)
    cookie = entered.headers["Set-Cookie"]
    assert (entered.status_code, entered.headers["Location"]) == (303, "/?roi_gte=5")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert KEY not in cookie
    assert guarded.get("/").status_code == 200
    guarded.post("/logout", headers=OWN)
    assert guarded.get("/").status_code == 303


def test_a_wrong_key_does_not_log_in(guarded: FlaskClient) -> None:
    refused = guarded.post("/login", data={"key": "wrong"}, headers=OWN)
    assert refused.status_code == 401
    assert "That is not the key" in refused.get_data(as_text=True)
    assert guarded.get("/").status_code == 303


def test_another_key_ends_the_sessions_of_the_old_one(make_app: Callable[..., Flask]) -> None:
    before = make_app(**OPEN_TO_ALL).test_client()
    cookie = before.post("/login", data={"key": KEY}, headers=OWN).headers["Set-Cookie"].split(";")[0]
    after = make_app(WEB_HOST="0.0.0.0", ADMIN_API_KEY="another-admin-key-here").test_client()
    assert after.get("/", headers={"Cookie": cookie}).status_code == 303


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/x",
        "///evil.example/x",
        "////evil.example/x",
        "/\\/evil.example",
        "//[",
        "//[::1",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/a\nb",
        "",
    ],
)
def test_a_login_never_leads_elsewhere(guarded: FlaskClient, target: str) -> None:
    entered = guarded.post("/login", data={"key": KEY, "next": target}, headers=OWN)
    assert entered.headers["Location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:81"},
    ],
)
def test_a_change_from_elsewhere_is_refused(guarded: FlaskClient, headers: dict[str, str]) -> None:
    assert guarded.post("/login", data={"key": KEY}, headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000", "127.0.0.1"])
def test_its_own_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.1.2.3",
        "a@localhost.example",
        "[::1",
        "x:y:z",
        "evil.example@127.0.0.1",
        "127.0.0.1#evil.example",
        "127.0.0.1/evil.example",
        "a" * 5000,
    ],
)
def test_a_foreign_host_name_is_refused_everywhere(client: FlaskClient, host: str) -> None:
    for address in ("/", "/api/deals", "/healthz", "/static/style.css"):
        assert client.get(address, headers={"Host": host}).status_code == 400


def test_listening_everywhere_any_address_is_its_own_but_no_foreign_name(guarded: FlaskClient) -> None:
    assert guarded.get("/healthz", headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert guarded.get("/healthz", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        "/static/../wsgi_handler.py",
        "/static/..%2fwsgi_handler.py",
        "/static/%2e%2e/requirements.txt",
        "/templates/base.html",
        "/.env",
        "/var/deals.db",
        "/static/",
        "/static//etc/passwd",
    ],
)
def test_nothing_but_static_files_is_served(client: FlaskClient, address: str) -> None:
    assert client.get(address, follow_redirects=True).status_code == 404


def test_a_proxys_name_is_known_once_it_is_set(make_app: Callable[..., Flask]) -> None:
    client = make_app(WEB_HOSTNAMES="Deals.example.org, other.example.org").test_client()
    assert client.get("/healthz", headers={"Host": "deals.example.org:443"}).status_code == 200
    assert client.get("/healthz", headers={"Host": "evil.example.org"}).status_code == 400
