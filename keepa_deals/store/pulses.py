"""What arrives to prove that the chain works: canaries and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from keepa_deals.store.tables import pulses, verdicts

VERDICT_REPEATED_AFTER = timedelta(hours=1)
VERDICTS_KEPT_FOR = timedelta(days=30)


def record_pulse(connection: Connection, queue: str, *, sent_at: datetime, received_at: datetime) -> None:
    changed = connection.execute(
        update(pulses).where(pulses.c.queue == queue).values(sent_at=sent_at, received_at=received_at)
    ).rowcount
    if changed == 0:
        connection.execute(insert(pulses).values(queue=queue, sent_at=sent_at, received_at=received_at))


def record_verdict(
    connection: Connection,
    verdict: str,
    *,
    waiting_until: datetime | None,
    findings: Sequence[dict[str, Any]],
    now: datetime,
) -> None:
    """Keep a verdict if it differs from the last one or that one is an hour old; forget those of last month.

    One from the future was written before the clock was set back, and counts as the last no more.
    """
    past = select(verdicts).where(verdicts.c.at <= now)
    last = connection.execute(past.order_by(verdicts.c.at.desc()).limit(1)).first()
    if last is not None and last.verdict == verdict and now - last.at < VERDICT_REPEATED_AFTER:
        return
    connection.execute(delete(verdicts).where((verdicts.c.at < now - VERDICTS_KEPT_FOR) | (verdicts.c.at == now)))
    connection.execute(
        insert(verdicts).values(at=now, verdict=verdict, waiting_until=waiting_until, findings=list(findings))
    )
