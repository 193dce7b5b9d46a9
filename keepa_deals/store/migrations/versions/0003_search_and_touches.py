"""Finding deals: the full-text index over what people search, and the log of rows that were touched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keepa_deals.store import search_index

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "deal_touches",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("deal", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_deal_touches")),
    )
    for statement in search_index.STATEMENTS_OF_0003:
        op.execute(statement)
