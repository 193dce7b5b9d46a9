"""The first schema: deals with their evidence, candidates, the call ledger, changes, passes, fences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "about",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_about")),
    )
    op.create_table(
        "calls",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.String(24), nullable=False),
        sa.Column("settled_at", sa.String(24), nullable=True),
        sa.Column("which_pass", sa.String(length=12), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reserved_tokens", sa.Integer(), nullable=False),
        sa.Column("billed_tokens", sa.Integer(), nullable=True),
        sa.Column("balance_after", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("gained", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
    )
    op.create_index("ix_calls_started_at", "calls", ["started_at"], unique=False)
    op.create_table(
        "candidates",
        sa.Column("asin", sa.String(length=10), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.String(24), nullable=False),
        sa.Column("last_seen_at", sa.String(24), nullable=False),
        sa.Column("last_sweep", sa.Integer(), nullable=True),
        sa.Column("keepa_updated_at", sa.String(24), nullable=False),
        sa.Column("used_cents", sa.Integer(), nullable=True),
        sa.Column("used_since", sa.String(24), nullable=True),
        sa.Column("stage", sa.String(length=12), nullable=False),
        sa.Column("stage_at", sa.String(24), nullable=False),
        sa.Column("worth_cents", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("looked_at", sa.String(24), nullable=True),
        sa.CheckConstraint(
            "stage in ('feed', 'light_look', 'deal', 'dropped', 'set_aside')", name=op.f("ck_candidates_stage")
        ),
        sa.PrimaryKeyConstraint("asin", "domain_id", name=op.f("pk_candidates")),
    )
    op.create_index("ix_candidates_stage_worth", "candidates", ["stage", "worth_cents"], unique=False)
    op.create_table(
        "changes",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.String(24), nullable=False),
        sa.Column("asin", sa.String(length=10), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('new', 'cheaper', 'dearer', 'judged', 'verified_again', 'unverified', 'gone', 'back')",
            name=op.f("ck_changes_kind"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_asin", "changes", ["asin", "seq"], unique=False)
    op.create_table(
        "deals",
        sa.Column("asin", sa.String(length=10), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("binding", sa.Text(), nullable=True),
        sa.Column("isbn13", sa.String(length=13), nullable=True),
        sa.Column("published", sa.String(length=10), nullable=True),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("category_id", sa.BigInteger(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("first_seen_at", sa.String(24), nullable=False),
        sa.Column("price_changed_at", sa.String(24), nullable=True),
        sa.Column("verified_at", sa.String(24), nullable=False),
        sa.Column("verified_by", sa.String(length=12), nullable=False),
        sa.Column("promised_until", sa.String(24), nullable=False),
        sa.Column("unverified_since", sa.String(24), nullable=True),
        sa.Column("unverified_at_working_seconds", sa.Integer(), nullable=True),
        sa.Column("gone_at", sa.String(24), nullable=True),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.Column("gone_evidence", sa.Text(), nullable=True),
        sa.Column("keepa_updated_at", sa.String(24), nullable=True),
        sa.Column("judged_at", sa.String(24), nullable=False),
        sa.Column("looked_at", sa.String(24), nullable=True),
        sa.Column("look_due_since", sa.String(24), nullable=True),
        sa.Column("look_due_reason", sa.Text(), nullable=True),
        sa.Column("condition", sa.Integer(), nullable=True),
        sa.Column("seller_id", sa.Text(), nullable=True),
        sa.Column("is_fba", sa.Boolean(), nullable=True),
        sa.Column("item_cents", sa.Integer(), nullable=True),
        sa.Column("shipping_cents", sa.Integer(), nullable=True),
        sa.Column("price_now_cents", sa.Integer(), nullable=True),
        sa.Column("used_cents", sa.Integer(), nullable=True),
        sa.Column("used_since", sa.String(24), nullable=True),
        sa.Column("sales_rank", sa.Integer(), nullable=True),
        sa.Column("drops_30", sa.Integer(), nullable=True),
        sa.Column("drops_90", sa.Integer(), nullable=True),
        sa.Column("drops_365", sa.Integer(), nullable=True),
        sa.Column("used_offers", sa.Integer(), nullable=True),
        sa.Column("used_offers_avg90", sa.Integer(), nullable=True),
        sa.Column("new_offers", sa.Integer(), nullable=True),
        sa.Column("new_cents", sa.Integer(), nullable=True),
        sa.Column("amazon_cents", sa.Integer(), nullable=True),
        sa.Column("used_avg90_cents", sa.Integer(), nullable=True),
        sa.Column("used_avg365_cents", sa.Integer(), nullable=True),
        sa.Column("sale_price_cents", sa.Integer(), nullable=True),
        sa.Column("sale_price_is_estimate", sa.Boolean(), nullable=False),
        sa.Column("referral_fee_cents", sa.Integer(), nullable=True),
        sa.Column("fba_fee_cents", sa.Integer(), nullable=True),
        sa.Column("closing_fee_cents", sa.Integer(), nullable=True),
        sa.Column("all_in_cents", sa.Integer(), nullable=True),
        sa.Column("profit_cents", sa.Integer(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("roi", sa.Float(), nullable=True),
        sa.Column("percent_down", sa.Float(), nullable=True),
        sa.Column("break_even_cents", sa.Integer(), nullable=True),
        sa.Column("minimum_list_cents", sa.Integer(), nullable=True),
        sa.Column("maximum_buy_cents", sa.Integer(), nullable=True),
        sa.Column("trust", sa.Float(), nullable=True),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("offers", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'gone') = (gone_at is not null)", name=op.f("ck_deals_gone_has_time")),
        sa.CheckConstraint("state in ('live', 'unverified', 'gone')", name=op.f("ck_deals_state")),
        sa.CheckConstraint("(gone_at is null) = (gone_reason is null)", name=op.f("ck_deals_gone_has_reason")),
        sa.PrimaryKeyConstraint("asin", "domain_id", name=op.f("pk_deals")),
    )
    op.create_index("ix_deals_state_margin", "deals", ["state", "margin"], unique=False)
    op.create_index("ix_deals_state_profit", "deals", ["state", "profit_cents"], unique=False)
    op.create_index("ix_deals_state_promised", "deals", ["state", "promised_until"], unique=False)
    op.create_index("ix_deals_state_rank", "deals", ["state", "sales_rank"], unique=False)
    op.create_table(
        "fences",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("granted_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_fences")),
    )
    op.create_table(
        "observations",
        sa.Column("asin", sa.String(length=10), nullable=False),
        sa.Column("domain_id", sa.Integer(), nullable=False),
        sa.Column("series", sa.String(length=16), nullable=False),
        sa.Column("at", sa.String(24), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("asin", "domain_id", "series", "at", name=op.f("pk_observations")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pass_reports",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("which_pass", sa.String(length=12), nullable=False),
        sa.Column("started_at", sa.String(24), nullable=False),
        sa.Column("ended_at", sa.String(24), nullable=False),
        sa.Column("stop", sa.String(length=20), nullable=False),
        sa.Column("waiting_until", sa.String(24), nullable=True),
        sa.Column("pages_read", sa.Integer(), nullable=False),
        sa.Column("pages_total", sa.Integer(), nullable=True),
        sa.Column("gained", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Integer(), nullable=False),
        sa.Column("tokens_spent", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pass_reports")),
    )
    op.create_index("ix_pass_reports_which_started", "pass_reports", ["which_pass", "started_at"], unique=False)
    op.create_table(
        "pass_states",
        sa.Column("which_pass", sa.String(length=12), nullable=False),
        sa.Column("due_at", sa.String(24), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("last_started_at", sa.String(24), nullable=True),
        sa.Column("last_finished_at", sa.String(24), nullable=True),
        sa.Column("last_worked_at", sa.String(24), nullable=True),
        sa.Column("last_done_at", sa.String(24), nullable=True),
        sa.Column("stop", sa.String(length=20), nullable=True),
        sa.Column("waiting_until", sa.String(24), nullable=True),
        sa.Column("watermark", sa.String(24), nullable=True),
        sa.Column("page_cursor", sa.Integer(), nullable=True),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.Column("sweep_started_at", sa.String(24), nullable=True),
        sa.Column("sweep_finished_at", sa.String(24), nullable=True),
        sa.Column("consecutive_failures", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("which_pass", name=op.f("pk_pass_states")),
    )
    op.create_table(
        "poison",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("first_at", sa.String(24), nullable=False),
        sa.Column("last_at", sa.String(24), nullable=False),
        sa.Column("set_aside_at", sa.String(24), nullable=True),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_poison")),
    )
    op.create_table(
        "pulses",
        sa.Column("queue", sa.String(length=40), nullable=False),
        sa.Column("sent_at", sa.String(24), nullable=False),
        sa.Column("received_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_pulses")),
    )
    op.create_table(
        "verdicts",
        sa.Column("at", sa.String(24), nullable=False),
        sa.Column("verdict", sa.String(length=24), nullable=False),
        sa.Column("waiting_until", sa.String(24), nullable=True),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_verdicts")),
    )
