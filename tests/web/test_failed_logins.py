"""Guessing the key at the login page gets slow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from keepa_deals.web import failed_logins
from keepa_deals.web.failed_logins import TRIES, WINDOW_SECONDS, FailedLogins

KEY = "an-admin-key-for-tests"
OWN = {"Origin": "http://localhost"}


class HandClock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def failures(clock: HandClock) -> FailedLogins:
    return FailedLogins(monotonic=clock)


def test_the_last_try_of_a_window_makes_an_address_wait_until_the_first_is_old(
    failures: FailedLogins, clock: HandClock
) -> None:
    for _ in range(TRIES):
        assert failures.seconds_to_wait("10.0.0.1") == 0
        failures.note("10.0.0.1")
        clock.seconds += 1
    assert failures.seconds_to_wait("10.0.0.1") == WINDOW_SECONDS - TRIES
    assert failures.seconds_to_wait("10.0.0.2") == 0
    clock.seconds += WINDOW_SECONDS - TRIES
    assert failures.seconds_to_wait("10.0.0.1") == 0


def test_the_right_key_wipes_the_slate(failures: FailedLogins) -> None:
    for _ in range(TRIES):
        failures.note("10.0.0.1")
    failures.forget("10.0.0.1")
    assert failures.seconds_to_wait("10.0.0.1") == 0


def test_no_crowd_of_addresses_fills_the_memory(failures: FailedLogins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_logins, "MOST_ADDRESSES", 3)
    for _ in range(TRIES):
        failures.note("10.0.0.9")
    for last in range(9):
        failures.note(f"10.0.0.{last}")
    assert len(failures._failures) == 3
    assert failures.seconds_to_wait("10.0.0.9") == 0


def enter(client: FlaskClient, key: str, *, address: str = "10.0.0.1") -> tuple[int, str | None]:
    answer = client.post("/login", data={"key": key}, headers=OWN, environ_base={"REMOTE_ADDR": address})
    return answer.status_code, answer.headers.get("Retry-After")


def test_after_ten_wrong_keys_even_the_right_one_waits_and_another_address_does_not(
    make_app: Callable[..., Flask],
) -> None:
    client = make_app(WEB_HOST="0.0.0.0", ADMIN_API_KEY=KEY).test_client()
    assert [enter(client, "wrong")[0] for _ in range(TRIES)] == [401] * TRIES
    status, retry_after = enter(client, KEY)
    assert status == 429
    assert retry_after is not None
    assert 0 < int(retry_after) <= WINDOW_SECONDS
    assert enter(client, KEY, address="10.0.0.2") == (303, None)


def test_the_page_says_how_long_to_wait(make_app: Callable[..., Flask]) -> None:
    client = make_app(WEB_HOST="0.0.0.0", ADMIN_API_KEY=KEY).test_client()
    for _ in range(TRIES):
        enter(client, "wrong")
    page = client.post("/login", data={"key": KEY}, headers=OWN, environ_base={"REMOTE_ADDR": "10.0.0.1"}).text
    assert "Too many wrong keys came from your address; try again in 5 minutes." in page
