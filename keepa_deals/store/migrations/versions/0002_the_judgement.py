"""The judgement: the recommended listing, its risk, the season, who sells, and the history behind them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (
        sa.Column("list_cents", sa.Integer(), nullable=True),
        sa.Column("sold_chance", sa.Float(), nullable=True),
        sa.Column("days_to_sell", sa.Float(), nullable=True),
        sa.Column("used_sales_a_year", sa.Float(), nullable=True),
        sa.Column("profit_if_sold_cents", sa.Integer(), nullable=True),
        sa.Column("profit_low_cents", sa.Integer(), nullable=True),
        sa.Column("error_scale_cents", sa.Integer(), nullable=True),
        sa.Column("is_profitable", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("sale_low_cents", sa.Integer(), nullable=True),
        sa.Column("sale_high_cents", sa.Integer(), nullable=True),
        sa.Column("one_year_average_cents", sa.Integer(), nullable=True),
        sa.Column("season", sa.Text(), nullable=True),
        sa.Column("peak_month", sa.Integer(), nullable=True),
        sa.Column("peak_cents", sa.Integer(), nullable=True),
        sa.Column("trough_month", sa.Integer(), nullable=True),
        sa.Column("trough_cents", sa.Integer(), nullable=True),
        sa.Column("trend", sa.Float(), nullable=True),
        sa.Column("seller_quality", sa.Float(), nullable=True),
        sa.Column("seller_name", sa.Text(), nullable=True),
        sa.Column("spark", sa.Text(), nullable=True),
    ):
        op.add_column("deals", column)
    op.create_table(
        "price_histories",
        sa.Column("asin", sa.String(length=10), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(24), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("asin", "domain_id", name=op.f("pk_price_histories")),
    )
    op.create_table(
        "sellers",
        sa.Column("seller_id", sa.String(length=40), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("rating_percent", sa.Integer(), nullable=True),
        sa.Column("rating_count", sa.Integer(), nullable=True),
        sa.Column("seen_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("seller_id", "domain_id", name=op.f("pk_sellers")),
    )
