"""The tables, one sentence each. Money in cents, shares in percent, instants aware UTC, NULL is unknown.

Column names end in their unit (`_cents`, `_percent`, `_at`) but for the names that scripts rely on:
`deals.margin`, `deals.roi`, `deals.percent_down`, `deals.trust`, `deals.sold_chance`, `deals.seller_quality` and
`deals.trend` (a year) are numbers in percent.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)

from keepa_deals.store.columns import Instant, Json

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# What this database is: its origin (demo or real), the installation, the account it was filled for.
about = Table(
    "about",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

# One product worth showing, with its judgement and the evidence for its state.
deals = Table(
    "deals",
    metadata,
    Column("asin", String(10), primary_key=True),
    Column("domain_id", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("author", Text),
    Column("brand", Text),
    Column("binding", Text),
    Column("isbn13", String(13)),
    Column("published", String(10)),
    Column("image", Text),
    Column("category_id", BigInteger),
    Column("category", Text),
    Column("state", String(10), nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("price_changed_at", Instant),
    Column("verified_at", Instant, nullable=False),
    Column("verified_by", String(12), nullable=False),
    Column("promised_until", Instant, nullable=False),
    Column("unverified_since", Instant),
    Column("unverified_at_working_seconds", Integer),
    Column("gone_at", Instant),
    Column("gone_reason", Text),
    Column("gone_evidence", Json),
    Column("keepa_updated_at", Instant),
    Column("judged_at", Instant, nullable=False),
    Column("looked_at", Instant),
    Column("look_due_since", Instant),
    Column("look_due_reason", Text),
    # the offer
    Column("condition", Integer),
    Column("seller_id", Text),
    Column("is_fba", Boolean),
    Column("item_cents", Integer),
    Column("shipping_cents", Integer),
    Column("price_now_cents", Integer),
    # what the cheap answers can be compared with: the used item price and since when it held
    Column("used_cents", Integer),
    Column("used_since", Instant),
    # the market
    Column("sales_rank", Integer),
    Column("drops_30", Integer),
    Column("drops_90", Integer),
    Column("drops_365", Integer),
    Column("used_offers", Integer),
    Column("used_offers_avg90", Integer),
    Column("new_offers", Integer),
    Column("new_cents", Integer),
    Column("amazon_cents", Integer),
    Column("used_avg90_cents", Integer),
    Column("used_avg365_cents", Integer),
    # the judgement
    Column("sale_price_cents", Integer),
    Column("sale_price_is_estimate", Boolean, nullable=False),
    Column("referral_fee_cents", Integer),
    Column("fba_fee_cents", Integer),
    Column("closing_fee_cents", Integer),
    Column("all_in_cents", Integer),
    Column("profit_cents", Integer),
    Column("margin", Float),
    Column("roi", Float),
    Column("percent_down", Float),
    Column("break_even_cents", Integer),
    Column("minimum_list_cents", Integer),
    Column("maximum_buy_cents", Integer),
    Column("trust", Float),
    Column("explanation", Json, nullable=False),
    # the live used offers as the last full look saw them, cheapest first
    Column("offers", Json),
    # the recommended listing: at what price, with what chance, how soon, and what is left if it sells or in doubt
    Column("list_cents", Integer),
    Column("sold_chance", Float),
    Column("days_to_sell", Float),
    Column("used_sales_a_year", Float),
    Column("profit_if_sold_cents", Integer),
    Column("profit_low_cents", Integer),
    Column("error_scale_cents", Integer),
    Column("is_profitable", Boolean, nullable=False, server_default=false()),
    # the sale price's interval, its year, and where it is going
    Column("sale_low_cents", Integer),
    Column("sale_high_cents", Integer),
    Column("one_year_average_cents", Integer),
    Column("season", Text),
    Column("peak_month", Integer),
    Column("peak_cents", Integer),
    Column("trough_month", Integer),
    Column("trough_cents", Integer),
    Column("trend", Float),
    # who sells the copy, as far as `sellers` knows
    Column("seller_quality", Float),
    Column("seller_name", Text),
    # about 30 points of the used price and the sales among them, for a small drawing
    Column("spark", Json),
    # why no profit can be said; NULL where it is known
    Column("refusal", Text),
    CheckConstraint("state in ('live', 'unverified', 'gone')", name="state"),
    CheckConstraint("(state = 'gone') = (gone_at is not null)", name="gone_has_time"),
    CheckConstraint("(gone_at is null) = (gone_reason is null)", name="gone_has_reason"),
)
Index("ix_deals_state_profit", deals.c.state, deals.c.profit_cents)
Index("ix_deals_state_promised", deals.c.state, deals.c.promised_until)
Index("ix_deals_state_margin", deals.c.state, deals.c.margin)
Index("ix_deals_state_rank", deals.c.state, deals.c.sales_rank)

# Which rows of `deals` were written, in order; kept by triggers, and only the newest of them.
deal_touches = Table(
    "deal_touches",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("deal", Integer, nullable=False),
)

# A product known from the feed: its last feed numbers, its rank among the work to do, and how far it got.
candidates = Table(
    "candidates",
    metadata,
    Column("asin", String(10), primary_key=True),
    Column("domain_id", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("last_sweep", Integer),
    Column("keepa_updated_at", Instant, nullable=False),
    Column("used_cents", Integer),
    Column("used_since", Instant),
    Column("stage", String(12), nullable=False),
    Column("stage_at", Instant, nullable=False),
    Column("worth_cents", Integer),
    Column("reason", Text),
    Column("looked_at", Instant),
    # the steps of the judgement that refused it after a full look
    Column("explanation", Json),
    CheckConstraint("stage in ('feed', 'light_look', 'deal', 'dropped', 'set_aside')", name="stage"),
)
Index("ix_candidates_stage_worth", candidates.c.stage, candidates.c.worth_cents)

# What happened to a deal, in order: the change feed.
changes = Table(
    "changes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("asin", String(10), nullable=False),
    Column("domain_id", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("detail", Json, nullable=False),
    CheckConstraint(
        "kind in ('new', 'cheaper', 'dearer', 'judged', 'verified_again', 'unverified', 'gone', 'back')",
        name="kind",
    ),
    sqlite_autoincrement=True,
)
Index("ix_changes_asin", changes.c.asin, changes.c.seq)

# Every call to Keepa: written before it is sent, so that a kill leaves "unknown" and not nothing.
calls = Table(
    "calls",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("which_pass", String(12), nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("what", Text, nullable=False),
    Column("reserved_tokens", Integer, nullable=False),
    Column("billed_tokens", Integer),
    Column("balance_after", Integer),
    Column("outcome", String(20), nullable=False),
    Column("error", Text),
    Column("gained", Integer, nullable=False, default=0),
    Column("confirmed", Integer, nullable=False, default=0),
    Column("retired", Integer, nullable=False, default=0),
)
Index("ix_calls_started_at", calls.c.started_at)

# What was seen, for charts: one row for each series of a full look, and for each used price that moved.
observations = Table(
    "observations",
    metadata,
    Column("asin", String(10), primary_key=True),
    Column("domain_id", Integer, primary_key=True),
    Column("series", String(16), primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("value", Integer),
    sqlite_with_rowid=False,
)

# The history that a full look brought, thinned and packed: one row a deal, for its chart.
price_histories = Table(
    "price_histories",
    metadata,
    Column("asin", String(10), primary_key=True),
    Column("domain_id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)

# What Keepa said of a seller; `rating_percent` and `rating_count` are NULL where it knows the seller but no rating.
sellers = Table(
    "sellers",
    metadata,
    Column("seller_id", String(40), primary_key=True),
    Column("domain_id", Integer, primary_key=True),
    Column("name", Text),
    Column("rating_percent", Integer),
    Column("rating_count", Integer),
    Column("seen_at", Instant, nullable=False),
)

# What each run of a pass did.
pass_reports = Table(
    "pass_reports",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("which_pass", String(12), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("stop", String(20), nullable=False),
    Column("waiting_until", Instant),
    Column("pages_read", Integer, nullable=False),
    Column("pages_total", Integer),
    Column("gained", Integer, nullable=False),
    Column("confirmed", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("retired", Integer, nullable=False),
    Column("tokens_spent", Integer, nullable=False),
    Column("error", Text),
)
Index("ix_pass_reports_which_started", pass_reports.c.which_pass, pass_reports.c.started_at)

# When each pass is due, how far it got, and what it last did: one row a pass.
pass_states = Table(
    "pass_states",
    metadata,
    Column("which_pass", String(12), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("interval_seconds", Integer, nullable=False),
    Column("last_started_at", Instant),
    Column("last_finished_at", Instant),
    Column("last_worked_at", Instant),
    Column("last_done_at", Instant),
    Column("stop", String(20)),
    Column("waiting_until", Instant),
    Column("watermark", Instant),
    Column("page_cursor", Integer),
    Column("sweep", Integer, nullable=False, default=0),
    Column("sweep_started_at", Instant),
    Column("sweep_finished_at", Instant),
    Column("consecutive_failures", Integer, nullable=False, default=0),
    Column("last_error", Text),
)

# The fence of each lease: issued here on each grant, demanded by every write.
fences = Table(
    "fences",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("granted_at", Instant, nullable=False),
)

# The canary's journeys: scheduler to broker to worker to here, one row a queue.
pulses = Table(
    "pulses",
    metadata,
    Column("queue", String(40), primary_key=True),
    Column("sent_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
)

# A page, product or row that failed again and again, with its error.
poison = Table(
    "poison",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("key", String(80), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("set_aside_at", Instant),
)

# The verdicts over time, one row when it changes and at least one an hour.
verdicts = Table(
    "verdicts",
    metadata,
    Column("at", Instant, primary_key=True),
    Column("verdict", String(24), nullable=False),
    Column("waiting_until", Instant),
    Column("findings", Json, nullable=False),
)

# What a user made of a deal; without a row it is new to them.
triage = Table(
    "triage",
    metadata,
    Column("user", String(40), primary_key=True),
    Column("asin", String(10), primary_key=True),
    Column("domain_id", Integer, primary_key=True),
    Column("seen_at", Instant),
    Column("watched_at", Instant),
    Column("hidden_at", Instant),
    Column("hidden_reason", Text),
    Column("bought_at", Instant),
    Column("bought_cents", Integer),
)

# Each act of triage on one or many deals, in order; an undoing is one too.
triage_acts = Table(
    "triage_acts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("user", String(40), nullable=False),
    Column("at", Instant, nullable=False),
    Column("action", String(12), nullable=False),
    Column("reason", Text),
    Column("deals", Integer, nullable=False),
    sqlite_autoincrement=True,
)

# What each deal's triage was before an act, so that it can be undone; NULL: there was none.
triage_steps = Table(
    "triage_steps",
    metadata,
    Column("act", Integer, primary_key=True),
    Column("asin", String(10), primary_key=True),
    Column("domain_id", Integer, primary_key=True),
    Column("before", Json),
    sqlite_with_rowid=False,
)

# How far in the change feed a user had come when their visit before this one ended, and how far they are now.
visits = Table(
    "visits",
    metadata,
    Column("user", String(40), primary_key=True),
    Column("last_at", Instant, nullable=False),
    Column("seen_seq", Integer, nullable=False),
    Column("since_seq", Integer, nullable=False),
    Column("since_at", Instant, nullable=False),
)
