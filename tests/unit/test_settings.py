"""A bad setting stops the start with its name, what was given, and what would be right. Secrets never show."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepa_deals.errors import BadSettings
from keepa_deals.settings import NAMES, Settings, load_settings, settings_from

KEY = "k" * 64
ADMIN = "an-admin-key-of-some-length"


def read(**values: str) -> Settings:
    return settings_from(values, root=Path("/somewhere"))


def test_without_any_setting_it_is_the_demo_on_loopback() -> None:
    settings = read()
    assert (settings.is_demo, settings.origin, settings.web_host, settings.web_port) == (
        True,
        "demo",
        "127.0.0.1",
        8000,
    )
    assert settings.var_dir == Path("/somewhere/var")
    assert settings.keepa_base_url is None


def test_with_a_key_it_is_the_real_keepa() -> None:
    settings = read(KEEPA_API_KEY=KEY)
    assert (settings.origin, settings.keepa_base_url) == ("real", "https://api.keepa.com")


def test_an_empty_text_is_as_good_as_none() -> None:
    assert read(KEEPA_API_KEY="", WEB_PORT="  ").web_port == 8000


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"WEB_PORT": "80 80"}, ("WEB_PORT", "80 80", "whole number")),
        ({"WEB_PORT": "0"}, ("WEB_PORT", "1 to 65535")),
        ({"LOG_LEVEL": "loud"}, ("LOG_LEVEL", "loud", "INFO")),
        ({"PREP_FEE": "$2.50"}, ("PREP_FEE", "$2.50", "without a currency sign")),
        ({"PREP_FEE": "2,50"}, ("PREP_FEE", "2,50")),
        ({"PURCHASE_TAX_PERCENT": "8,25"}, ("PURCHASE_TAX_PERCENT", "8,25", "point")),
        ({"PURCHASE_TAX_PERCENT": "nan"}, ("PURCHASE_TAX_PERCENT", "nan")),
        ({"PROMISE_HOURS": "0"}, ("PROMISE_HOURS", "1 to 168")),
        ({"SALVAGE_PERCENT": "101"}, ("SALVAGE_PERCENT", "0 to 100")),
        ({"CAUTION": "-1"}, ("CAUTION", "0 to 10")),
        ({"SELL_WITHIN_DAYS": "29"}, ("SELL_WITHIN_DAYS", "30 to 730")),
        ({"INBOUND_DELAY_DAYS": "1.5"}, ("INBOUND_DELAY_DAYS", "whole number")),
        ({"INBOUND_DELAY_DAYS": "40", "SELL_WITHIN_DAYS": "40"}, ("INBOUND_DELAY_DAYS", "40", "never be for sale")),
        ({"KEEPA_DOMAIN": "7"}, ("KEEPA_DOMAIN", "marketplace")),
        ({"REDIS_URL": "localhost:6379"}, ("REDIS_URL", "redis://")),
        ({"REDIS_URL": "redis://127.0.0.1:notaport/0"}, ("REDIS_URL", "port")),
        ({"DATABASE_URL": "mysql://x"}, ("DATABASE_URL", "sqlite:///")),
        ({"KEEPA_API_KEY": '"quoted key"'}, ("KEEPA_API_KEY", "letters and digits")),
        ({"KEEPA_BASE_URL": "http://127.0.0.1:1"}, ("KEEPA_BASE_URL", "KEEPA_API_KEY")),
        ({"KEEPA_API_KEY": KEY, "KEEPA_BASE_URL": "ftp://x"}, ("KEEPA_BASE_URL", "address")),
        ({"KEEPA_API_KEY": KEY, "KEEPA_BASE_URL": "http://[::1"}, ("KEEPA_BASE_URL", "address")),
        ({"KEEPA_API_KEY": KEY, "CLOCK_SPEED": "6"}, ("CLOCK_SPEED", "demo")),
        ({"WEB_HOST": "0.0.0.0"}, ("WEB_HOST", "ADMIN_API_KEY")),
        ({"WEB_HOST": "not a host"}, ("WEB_HOST", "not a host")),
        ({"WEB_HOSTNAMES": "deals.example.org, not a host"}, ("WEB_HOSTNAMES", "not a host")),
        ({"ADMIN_API_KEY": "short"}, ("ADMIN_API_KEY", "16")),
        ({"DEADMAN_URL": "ftp://x"}, ("DEADMAN_URL", "https://")),
        ({"DEADMAN_URL": "https://[::1"}, ("DEADMAN_URL", "https://")),
        ({"VERDICT_WEBHOOK_URL": "https://h.example/a b"}, ("VERDICT_WEBHOOK_URL", "without spaces")),
        ({"VERDICT_WEBHOOK_URL": "https://h.example/x"}, ("VERDICT_WEBHOOK_SECRET", "both, or neither")),
        ({"VERDICT_WEBHOOK_SECRET": "x" * 16}, ("VERDICT_WEBHOOK_URL", "both, or neither")),
        ({"VERDICT_WEBHOOK_SECRET": "short"}, ("VERDICT_WEBHOOK_SECRET", "16")),
        ({"CLOCK_ANCHOR": "yesterday"}, ("CLOCK_ANCHOR", "yesterday", "zone")),
        ({"SIMULATOR_PRODUCTS": "5"}, ("SIMULATOR_PRODUCTS", "50")),
    ],
)
def test_a_bad_setting_is_named_with_what_would_be_right(values: dict[str, str], words: tuple[str, ...]) -> None:
    with pytest.raises(BadSettings) as caught:
        read(**values)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"KEEPA_API_KEY": "a secret with spaces"},
        {"ADMIN_API_KEY": "tiny secret"},
        {"REDIS_URL": "secret-password@host"},
        {"DATABASE_URL": "mysql://u:secret-password@host"},
        {"KEEPA_BASE_URL": "https://api.keepa.com/?key=secret", "KEEPA_API_KEY": KEY},
        {"DEADMAN_URL": "https://check.example/secret token"},
        {"VERDICT_WEBHOOK_SECRET": "tiny secret"},
    ],
)
def test_a_bad_secret_is_not_repeated(values: dict[str, str]) -> None:
    with pytest.raises(BadSettings) as caught:
        read(**values)
    assert next(iter(values.values())) not in str(caught.value)


def test_no_secret_shows_in_the_representation_of_settings() -> None:
    settings = read(
        KEEPA_API_KEY=KEY, ADMIN_API_KEY=ADMIN, REDIS_URL="redis://:hush@127.0.0.1", DATABASE_URL="sqlite:////x/hush.db"
    )
    for secret in (KEY, ADMIN, "hush"):
        assert secret not in repr(settings)


def test_what_tells_the_outside_is_secret_too() -> None:
    given = {
        "DEADMAN_URL": "https://check.example/hush-1",
        "VERDICT_WEBHOOK_URL": "https://hook.example/hush-2",
        "VERDICT_WEBHOOK_SECRET": "hush-3-hush-3-hush",
    }
    settings = read(**given)
    assert "hush" not in repr(settings)
    assert {secret.reveal() for secret in settings.secrets} == set(given.values())


@pytest.mark.parametrize(("text", "cents"), [("2", 200), ("2.5", 250), ("2.05", 205), ("0", 0), ("0.99", 99)])
def test_money_is_read_to_the_cent(text: str, cents: int) -> None:
    assert read(PREP_FEE=text).costs.prep_cents == cents


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a comment\nWEB_PORT=8001\nLOG_LEVEL='DEBUG'\nexport PREP_FEE=1.00\n")
    settings = load_settings(tmp_path, {"WEB_PORT": "8002"})
    assert (settings.web_port, settings.log_level, settings.costs.prep_cents) == (8002, "DEBUG", 100)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"WEB_PORT=8000\nthis is not a setting\n", "line 2"),
        (b"LOG_LEVEL='unfinished\n", "line 1"),
        (b"JUST_A_NAME\n", "line 1"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_broken_env_file_is_one_clear_sentence(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(BadSettings) as caught:
        load_settings(tmp_path, {})
    assert line in str(caught.value)


def test_two_keys_have_two_accounts_and_neither_can_be_read_back() -> None:
    settings = read(KEEPA_API_KEY=KEY)
    first, second = settings.account("a" * 64), settings.account("b" * 64)
    assert first != second
    assert "a" * 8 not in first


@pytest.mark.parametrize(
    ("name", "meant"), [("KEEPA_APIKEY", "KEEPA_API_KEY"), ("PREP_FEES", "PREP_FEE"), ("web_port", "WEB_PORT")]
)
def test_a_misspelt_name_in_the_env_file_stops_the_start(tmp_path: Path, name: str, meant: str) -> None:
    (tmp_path / ".env").write_text(f"{name}=1\n")
    with pytest.raises(BadSettings, match=f"{name}.* did you mean {meant}"):
        load_settings(tmp_path, {})


def test_the_names_that_exist_are_those_that_are_read() -> None:
    class Asked(dict[str, str]):
        def __init__(self) -> None:
            self.names: set[str] = set()

        def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
            self.names.add(name)
            return default

    asked = Asked()
    settings_from(asked, root=Path("/somewhere"))
    assert asked.names == NAMES
