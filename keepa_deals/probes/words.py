"""What every probe may say: that something is not there, and in words without a secret what it ran into."""

from __future__ import annotations

from datetime import UTC, datetime

from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from keepa_deals.errors import KeepaDealsError
from keepa_deals.installation import installation_id
from keepa_deals.settings import Settings
from keepa_deals.whereabouts import KeepaAddress, keepa_address


class NotThere(KeepaDealsError):
    """What a probe wanted to read does not exist; the message says what."""


def in_words(error: BaseException, *, settings: Settings) -> str:
    """One sentence without a secret for whatever a probe ran into."""
    if isinstance(error, KeepaDealsError):
        text = str(error)
    elif isinstance(error, DBAPIError):
        text = f"the database said: {error.orig}"
    elif isinstance(error, RedisError):
        text = f"Redis did not answer ({type(error).__name__})"
    else:
        text = f"{type(error).__name__}: {error}"
    for secret in settings.secrets:
        text = text.replace(secret.reveal(), "***")
    return " ".join(text.split())


def known_installation(settings: Settings) -> str:
    """The installation's id, without making one. Raises NotThere before the first start."""
    if not (settings.var_dir / "installation").exists():
        raise NotThere(f"nothing was ever started in {settings.var_dir}")
    return installation_id(settings.var_dir)


def demand_keepa_address(settings: Settings) -> KeepaAddress:
    """Where Keepa is and the key in use, real or the demo's. Raises NotThere."""
    address = keepa_address(settings)
    if address is None:
        raise NotThere("the demo's Keepa has not said where it is")
    return address


def recorded_instant(value: object) -> datetime | None:
    """An instant that a program wrote down, as ISO text or as seconds since 1970."""
    if value is None:
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    instant = datetime.fromisoformat(str(value))
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
