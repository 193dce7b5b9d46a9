"""First values by hand; `python benchmarks/fit_prices.py` writes this file."""

from __future__ import annotations

from keepa_deals.judgement.price_model import PriceModel, SellingModel, Term
from keepa_deals.records import Condition

FITTED_PRICES = PriceModel(
    seasons={
        "textbook": (0.2, 0.08, -0.05, -0.12, -0.15, -0.08, 0.03, 0.25, 0.2, -0.1, -0.15, -0.02),
        "professional": (0.02, 0.0, 0.06, 0.05, -0.01, -0.02, -0.01, 0.05, 0.04, 0.02, -0.04, -0.08),
        "general": (-0.01, -0.02, -0.02, -0.02, -0.01, -0.01, 0.0, 0.0, 0.0, 0.02, 0.03, 0.04),
        "goods": (-0.01, -0.02, -0.02, -0.02, -0.01, -0.01, 0.0, 0.0, 0.0, 0.02, 0.03, 0.04),
    },
    grades={
        Condition.LIKE_NEW: 0.12,
        Condition.VERY_GOOD: 0.06,
        Condition.GOOD: 0.0,
        Condition.ACCEPTABLE: -0.14,
    },
    memory_days=375.0,
    pseudo_sales=1.5,
    ask_discount=-0.16,
    clip=0.6,
    pooled_spread=0.25,
    spread_pseudo_sales=3.0,
    break_depth=0.55,
    season_pseudo_sales=12.0,
    demand_power=0.5,
    base=0.0,
    correction=(
        Term("lowest rival below", -0.1, 0.3),
        Term("lowest rival above", 0.1, 0.1),
        Term("recent asks", 0.0, 0.1),
    ),
    error_base=-1.8,
    error=(Term("spread", -1.4, 0.5), Term("evidence", 1.8, -0.15)),
    interval_reach=1.4,
    least_evidence=1.5,
)

FITTED_SELLING = SellingModel(
    base=-5.5,
    terms=(Term("used sales a year", 2.3, 0.8), Term("rivals", 1.8, -0.6), Term("lowest rival", -0.1, 0.6)),
    slope=1.2,
    bend=6.0,
    bend_at=0.0,
    premium=0.5,
    season_price=1.0,
    season_demand=1.5,
    frailty=0.5,
    prudence=1.25,
    error_base=6.2,
    error=(Term("sale price", 8.3, 0.9), Term("doubt", -1.8, 0.4)),
    trust_base=0.0,
    trust_slope=1.0,
)
