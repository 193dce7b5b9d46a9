"""The failure vocabulary of the whole program.

Expected outcomes (no tokens left, nothing due, watermark reached) are values, not these.
Every message is one clear sentence: what was tried, with what, what to do now. No message holds a secret.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keepa_deals.records import TokenStatus


class KeepaDealsError(Exception):
    """The root of every failure this program declares."""


class BadSettings(KeepaDealsError):
    """A setting is missing or wrong; the message names it, what was given and what would be right."""


class KeepaError(KeepaDealsError):
    """Keepa did not give a usable answer. `status` is its token envelope where one was readable.

    `sent_at` and `received_at` (aware UTC) are set by the client, so that the call can be settled all the same.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: TokenStatus | None = None,
        sent_at: datetime | None = None,
        received_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.sent_at = sent_at
        self.received_at = received_at


class KeepaUnreachable(KeepaError):
    """No answer came (refused, timed out, cut off): the bill of the call is unknown."""


class KeepaRefused(KeepaError):
    """HTTP 429: Keepa's balance is not positive; nothing was charged."""


class KeyRejected(KeepaError):
    """HTTP 400 for the key itself: Keepa does not know it. Check KEEPA_API_KEY."""


class SubscriptionEnded(KeepaError):
    """HTTP 402: the key is known but may not be used. Renew the subscription at Keepa."""


class RequestRejected(KeepaError):
    """HTTP 400, 404 or 405: Keepa found the request itself wrong. Repeating it cannot help."""


class KeepaServerFault(KeepaError):
    """HTTP 5xx: a fault at Keepa; the bill is known only if an envelope came with it."""


class MalformedReply(KeepaError):
    """An answer that is not what Keepa documents; the message names the path inside it."""


class TokensUnknown(KeepaDealsError):
    """The shared token ledger can't be reached, so nothing was spent. Check Redis, then Diagnostics/check_tokens.py."""


class CallNeverAffordable(KeepaDealsError):
    """A call costs more than the plan can ever allow beside the live update; make it smaller."""


class LeaseLost(KeepaDealsError):
    """The lease passed to somebody else while this pass was at work; nothing of the current step was saved."""


class LeasesUnreachable(KeepaDealsError):
    """Redis did not answer, so no lease could be taken; the next doorbell tries again."""


class StoreError(KeepaDealsError):
    """The database could not be used as it is; the message says why and what to do."""


class StoreTooNew(StoreError):
    """The database was written by a newer version of this program. Install that version again."""


class OriginMismatch(StoreError):
    """The database holds demo data and a real key is set, or the reverse. Use another VAR_DIR or DATABASE_URL."""


class DatabaseReplaced(StoreError):
    """The database file was deleted or replaced under the running service. Stop it and put a backup back."""


class BadQuery(KeepaDealsError):
    """A filter, sort or search that can't be understood; names the parameter, the value and what would be right."""


class WrongInterpreter(KeepaDealsError):
    """Started by a Python that is not the installation's own."""


class AlreadyRunning(KeepaDealsError):
    """Another process of this installation holds the same place."""


class BadParameter(BadQuery):
    """One parameter of a query is unknown or wrong; `parameter` is its name as given."""

    def __init__(self, message: str, *, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter
