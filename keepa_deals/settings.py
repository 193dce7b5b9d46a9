"""Settings: read once, checked at once, frozen. A bad one stops the start with its name and the remedy."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from dotenv.parser import parse_stream

from keepa_deals.errors import BadSettings
from keepa_deals.records import CostSettings

KEEPA_URL = "https://api.keepa.com"
NAMES = frozenset(
    {
        "ADMIN_API_KEY",
        "BACKUP_KEEP",
        "CAUTION",
        "CLOCK_ANCHOR",
        "CLOCK_SPEED",
        "DATABASE_URL",
        "DEADMAN_URL",
        "FEED_QUERY_FILE",
        "INBOUND_DELAY_DAYS",
        "INBOUND_SHIPPING",
        "KEEPA_API_KEY",
        "KEEPA_BASE_URL",
        "KEEPA_DOMAIN",
        "LOG_LEVEL",
        "MINIMUM_MARKUP_PERCENT",
        "PREP_FEE",
        "PROMISE_HOURS",
        "PURCHASE_TAX_PERCENT",
        "REDIS_URL",
        "SALVAGE_PERCENT",
        "SELL_WITHIN_DAYS",
        "SIMULATOR_PORT",
        "SIMULATOR_PRODUCTS",
        "SIMULATOR_SEED",
        "SIMULATOR_TOKENS_PER_MINUTE",
        "TARGET_ROI_PERCENT",
        "VAR_DIR",
        "VERDICT_WEBHOOK_SECRET",
        "VERDICT_WEBHOOK_URL",
        "WEB_HOST",
        "WEB_HOSTNAMES",
        "WEB_PORT",
    }
)
"""Every setting there is; a test holds them against what is read and what .env.example explains."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that never shows itself. `reveal()` is called where it is spent, and nowhere else."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """The built-in Keepa of the demo."""

    products: int
    seed: int
    tokens_per_minute: int
    port: int
    """0 picks a free one, which then stays the same across restarts"""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the program may be told from outside."""

    root: Path
    """the checkout: where templates, static files and Diagnostics are"""
    var_dir: Path
    keepa_api_key: Secret | None
    keepa_base_url: str | None
    """None in demo: the simulator's address is read from `simulator_file`"""
    keepa_domain: int
    redis_url: Secret | None
    """None: the embedded server"""
    database_url: Secret | None
    """None: SQLite at `database_file`"""
    web_host: str
    web_port: int
    web_hostnames: tuple[str, ...]
    """further names under which people reach the web server, such as a proxy's"""
    admin_api_key: Secret | None
    deadman_url: Secret | None
    """asked after each good verdict, so that somebody outside notices when that ends"""
    webhook_url: Secret | None
    """told when the verdict changes, signed with `webhook_secret`; both or neither"""
    webhook_secret: Secret | None
    log_level: str
    promise_hours: float
    feed_query_file: Path | None
    costs: CostSettings
    simulator: SimulatorSettings
    clock_speed: float
    clock_anchor: datetime | None
    backup_keep: int
    secrets: tuple[Secret, ...] = field(repr=False, default=())
    """every secret given, for whoever must redact"""

    @property
    def is_demo(self) -> bool:
        """No Keepa key was given: the simulator is the Keepa."""
        return self.keepa_api_key is None

    @property
    def origin(self) -> str:
        return "demo" if self.is_demo else "real"

    @property
    def run_dir(self) -> Path:
        return self.var_dir / "run"

    @property
    def log_dir(self) -> Path:
        return self.var_dir / "log"

    @property
    def backup_dir(self) -> Path:
        return self.var_dir / "backups"

    @property
    def database_file(self) -> Path:
        return self.var_dir / "deals.db"

    @property
    def simulator_file(self) -> Path:
        return self.run_dir / "simulator.json"

    @property
    def simulator_dir(self) -> Path:
        """the simulator's cache and truth: nothing of the service reads it"""
        return self.var_dir / "simulator"

    def database_address(self) -> str:
        """The SQLAlchemy URL. May hold a password: never log it."""
        if self.database_url is not None:
            return self.database_url.reveal()
        return f"sqlite:///{quote(str(self.database_file))}"

    def account(self, key: str) -> str:
        """The name that all users of one Keepa key share, from which the key can't be read back."""
        return hashlib.sha256(b"keepa-deals:" + key.encode()).hexdigest()[:16]


def read_environment(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """`.env` of `root` under the real environment, which wins. Raises BadSettings for a line that can't be read."""
    env_file = root / ".env"
    values: dict[str, str] = {}
    if env_file.exists():
        values.update(parse_env_file(env_file))
        refuse_unknown_names(values, env_file.name)
    values.update(environ)
    return values


def refuse_unknown_names(names: Iterable[str], file: str) -> None:
    """Raise BadSettings for a name in `.env` that is no setting: misspelt, it would silently do nothing."""
    for name in names:
        if name not in NAMES:
            close = get_close_matches(name.upper(), NAMES, n=1, cutoff=0.6)
            meant = f"did you mean {close[0]}?" if close else "see .env.example for those there are."
            raise BadSettings(f"{file} sets {name}, but there is no such setting; {meant}")


def parse_env_file(env_file: Path) -> dict[str, str]:
    try:
        text = env_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(
            f"{env_file.name} could not be read ({error.__class__.__name__}); "
            "make it a UTF-8 text file that you may read."
        ) from error
    values = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            raise BadSettings(
                f"{env_file.name} line {binding.original.line} can't be understood; "
                "write NAME=value, or # for a comment."
            )
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return values


def load_settings(root: Path, environ: Mapping[str, str]) -> Settings:
    """Settings from `environ` and `root`/.env. Raises BadSettings naming the first bad one."""
    return settings_from(read_environment(root, environ), root=root)


def settings_from(values: Mapping[str, str], *, root: Path) -> Settings:
    """Settings from a flat mapping of names to texts; an empty text is as good as none."""
    read = _Reader(values)
    key = read.secret("KEEPA_API_KEY", _keepa_key)
    base_url = read("KEEPA_BASE_URL", None, _http_url)
    if key is None and base_url is not None:
        raise BadSettings("KEEPA_BASE_URL is set but KEEPA_API_KEY is not; set both, or neither for the demo.")
    web_host = read("WEB_HOST", "127.0.0.1", _host)
    admin_key = read.secret("ADMIN_API_KEY", _admin_key)
    if not is_loopback(web_host) and admin_key is None:
        raise BadSettings(
            f"WEB_HOST is {web_host}, which others can reach, but ADMIN_API_KEY is not set; "
            "set one of at least 16 characters, or WEB_HOST=127.0.0.1."
        )
    speed = read("CLOCK_SPEED", 1.0, _number(0.1, 3600))
    if key is not None and speed != 1:
        raise BadSettings(
            f"CLOCK_SPEED is {speed:g} with a real Keepa key; only the demo's clock may run at another speed than 1."
        )
    redis_url = read.secret("REDIS_URL", _redis_url)
    database_url = read.secret("DATABASE_URL", _database_url)
    deadman_url = read.secret("DEADMAN_URL", _outside_url)
    webhook_url = read.secret("VERDICT_WEBHOOK_URL", _outside_url)
    webhook_secret = read.secret("VERDICT_WEBHOOK_SECRET", _signing_secret)
    if (webhook_url is None) != (webhook_secret is None):
        raise BadSettings(
            "VERDICT_WEBHOOK_URL and VERDICT_WEBHOOK_SECRET belong together, but only one of them is set; "
            "set both, or neither."
        )
    given = (key, admin_key, redis_url, database_url, deadman_url, webhook_url, webhook_secret)
    return Settings(
        root=root,
        var_dir=read("VAR_DIR", root / "var", lambda text: _path(root, text)),
        keepa_api_key=key,
        keepa_base_url=base_url or (KEEPA_URL if key is not None else None),
        keepa_domain=read("KEEPA_DOMAIN", 1, _domain),
        redis_url=redis_url,
        database_url=database_url,
        web_host=web_host,
        web_port=read("WEB_PORT", 8000, _integer(1, 65535)),
        web_hostnames=read("WEB_HOSTNAMES", (), _hosts),
        admin_api_key=admin_key,
        deadman_url=deadman_url,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        log_level=read("LOG_LEVEL", "INFO", _one_of(*LOG_LEVELS)),
        promise_hours=read("PROMISE_HOURS", 12.0, _number(1, 168)),
        feed_query_file=read("FEED_QUERY_FILE", None, lambda text: _path(root, text)),
        costs=_costs(read),
        simulator=SimulatorSettings(
            products=read("SIMULATOR_PRODUCTS", 10_000, _integer(50, 200_000)),
            seed=read("SIMULATOR_SEED", 1, _integer(0, 2**31)),
            tokens_per_minute=read("SIMULATOR_TOKENS_PER_MINUTE", 20, _integer(1, 6000)),
            port=read("SIMULATOR_PORT", 0, _integer(0, 65535)),
        ),
        clock_speed=speed,
        clock_anchor=read("CLOCK_ANCHOR", None, _instant),
        backup_keep=read("BACKUP_KEEP", 7, _integer(1, 1000)),
        secrets=tuple(secret for secret in given if secret is not None),
    )


def _costs(read: _Reader) -> CostSettings:
    usual = CostSettings()
    sell_within = read("SELL_WITHIN_DAYS", usual.sell_within_days, _integer(30, 730))
    delay = read("INBOUND_DELAY_DAYS", usual.inbound_delay_days, _integer(0, 180))
    if delay >= sell_within:
        raise BadSettings(
            f"INBOUND_DELAY_DAYS is {delay} but SELL_WITHIN_DAYS is {sell_within}: a copy would never be for sale; "
            "the days to sell within count from the purchase and must be more."
        )
    return CostSettings(
        prep_cents=read("PREP_FEE", usual.prep_cents, _money),
        inbound_shipping_cents=read("INBOUND_SHIPPING", usual.inbound_shipping_cents, _money),
        purchase_tax_percent=read("PURCHASE_TAX_PERCENT", usual.purchase_tax_percent, _number(0, 100)),
        target_roi_percent=read("TARGET_ROI_PERCENT", usual.target_roi_percent, _number(0, 1000)),
        minimum_markup_percent=read("MINIMUM_MARKUP_PERCENT", usual.minimum_markup_percent, _number(0, 100)),
        salvage_percent=read("SALVAGE_PERCENT", usual.salvage_percent, _number(0, 100)),
        sell_within_days=sell_within,
        inbound_delay_days=delay,
        caution=read("CAUTION", usual.caution, _number(0, 10)),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one named value, or fails with a sentence that says what would be right."""

    values: Mapping[str, str]

    def __call__(self, name: str, default: Any, convert: Callable[[str], Any]) -> Any:
        text = self.values.get(name, "").strip()
        if not text:
            return default
        try:
            return convert(text)
        except _Wrong as wrong:
            if isinstance(wrong, _MayHoldSecret):
                raise BadSettings(f"{name} (not shown here) can't be right; {wrong}.") from None
            raise BadSettings(f"{name} is {text!r}; {wrong}.") from None

    def secret(self, name: str, check: Callable[[str], None]) -> Secret | None:
        text = self.values.get(name, "").strip()
        if not text:
            return None
        try:
            check(text)
        except _Wrong as wrong:
            raise BadSettings(f"{name} (not shown here) can't be right; {wrong}.") from None
        return Secret(text)


class _Wrong(Exception):
    """What a value should be."""


class _MayHoldSecret(_Wrong):
    """The same of a value that is not to be repeated."""


def _integer(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,18}", text) or not low <= int(text) <= high:
            raise _Wrong(f"it must be a whole number from {low} to {high}")
        return int(text)

    return convert


def _number(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise _Wrong(f"it must be a number from {low:g} to {high:g}, with a point before the decimals")
        return number

    return convert


def _money(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,2})?", text):
        raise _Wrong("it must be an amount such as 2.50, without a currency sign")
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)


def _one_of(*allowed: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text.upper() not in allowed:
            raise _Wrong(f"it must be one of {', '.join(allowed)}")
        return text.upper()

    return convert


def _domain(text: str) -> int:
    number = _integer(1, 12)(text)
    if number in (7, 12):
        raise _Wrong("it must be a marketplace that Keepa's deal feed covers: 1 to 6 or 8 to 11")
    return number


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:\-]{1,253}", text):
        raise _Wrong("it must be an address or a host name, such as 127.0.0.1")
    return text


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(_host(part.strip()).lower() for part in text.split(","))


def _path(root: Path, text: str) -> Path:
    path = Path(text).expanduser()
    return path if path.is_absolute() else root / path


def _http_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_bare = not (parts.query or parts.fragment or parts.username or parts.password)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_bare = is_address = False
    if not (is_bare and is_address and re.fullmatch(r"[\x21-\x7e]+", text)):
        raise _MayHoldSecret(f"it must be an address such as {KEEPA_URL}, without key or query")
    return text.rstrip("/")


def _redis_url(text: str) -> None:
    try:
        parts = urlsplit(text)
        has_port = parts.port != 0
    except ValueError:
        raise _Wrong("its port must be a number from 1 to 65535") from None
    if parts.scheme not in ("redis", "rediss", "unix") or not has_port:
        raise _Wrong("it must begin with redis://, rediss:// or unix://, and its port must be 1 to 65535")


def _database_url(text: str) -> None:
    if not re.match(r"(sqlite:///|postgresql\+psycopg://)", text):
        raise _Wrong("it must begin with sqlite:/// or postgresql+psycopg://")


def _keepa_key(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]{16,128}", text):
        raise _Wrong("a Keepa key is a run of letters and digits, usually 64 of them, without quotes or spaces")


def _outside_url(text: str) -> None:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise _Wrong("it must be an address that begins with https:// or http://, without spaces")


def _signing_secret(text: str) -> None:
    if not re.fullmatch(r"[\x21-\x7e]{16,256}", text):
        raise _Wrong("it must have at least 16 printable characters and no spaces")


def _admin_key(text: str) -> None:
    if not re.fullmatch(r"[\x21-\x7e]{16,256}", text):
        raise _Wrong("it must have at least 16 printable characters and no spaces")


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise _Wrong("it must be an instant with a zone, such as 2026-01-01T00:00:00+00:00")
    return instant.astimezone(UTC)
