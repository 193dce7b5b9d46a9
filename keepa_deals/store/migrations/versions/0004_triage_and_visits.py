"""What users make of deals, how to take that back, and what they have seen of the change feed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "triage",
        sa.Column("user", sa.String(length=40), nullable=False),
        sa.Column("asin", sa.String(length=10), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.String(24), nullable=True),
        sa.Column("watched_at", sa.String(24), nullable=True),
        sa.Column("hidden_at", sa.String(24), nullable=True),
        sa.Column("hidden_reason", sa.Text(), nullable=True),
        sa.Column("bought_at", sa.String(24), nullable=True),
        sa.Column("bought_cents", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("user", "asin", "domain_id", name=op.f("pk_triage")),
    )
    op.create_table(
        "triage_acts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("user", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(24), nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("deals", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triage_acts")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "triage_steps",
        sa.Column("act", sa.Integer(), nullable=False),
        sa.Column("asin", sa.String(length=10), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("act", "asin", "domain_id", name=op.f("pk_triage_steps")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "visits",
        sa.Column("user", sa.String(length=40), nullable=False),
        sa.Column("last_at", sa.String(24), nullable=False),
        sa.Column("seen_seq", sa.Integer(), nullable=False),
        sa.Column("since_seq", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_visits")),
    )
