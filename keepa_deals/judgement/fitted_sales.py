"""The fitted numbers of the inferred sales: world A, seeds 1-50.

Written by `python benchmarks/fit_sales.py`: not by hand.
"""

from __future__ import annotations

from keepa_deals.judgement.model import EventPriceModel, RankCurve, SalesModel, SideWeights

FITTED = SalesModel(
    curve=RankCurve(
        after_sale=152000.0,
        after_sale_log_sd=0.392,
        early_hours=6.0,
        power=0.58,
    ),
    fall_ratio=0.951,
    merge_minutes=360,
    level_noise=0.15,
    climb_margin=0.8,
    climb_intercept=2.111,
    climb_rate=1.151,
    climb_shortfall=-0.727,
    least_likely=0.6,
    shift_middle=1.499,
    shift_steepness=6.744,
    law_at_million=37.28,
    law_power=1.311,
    law_sales=1.0,
    rate_factor=1.01,
    side=SideWeights(
        intercept=-1.467,
        price_ratio=-0.622,
        no_used=-0.663,
        no_new=2.669,
        new_offers=0.26,
        used_offers=0.063,
        amazon=-0.176,
        used_drop_share=0.684,
        used_rise=0.4,
        new_rise=-0.125,
        used_drop=0.706,
        new_drop=-0.471,
        title_used_rise=0.962,
        title_new_rise=-0.557,
        title_used_drop=2.432,
        title_new_drop=-0.804,
    ),
    share_sales=3.0,
    drop_count=0.3,
    price=EventPriceModel(
        rise_offset=0.008,
        rise_sd=0.145,
        quiet_offset=0.029,
        quiet_sd=0.174,
        box_weight=0.5,
    ),
)
