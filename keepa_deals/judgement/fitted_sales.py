"""The fitted numbers of the inferred sales: world A, seeds 1-50.

Written by `python benchmarks/fit_sales.py`: not by hand.
"""

from __future__ import annotations

from keepa_deals.judgement.model import EventPriceModel, RankCurve, SalesModel, SideWeights

FITTED = SalesModel(
    curve=RankCurve(
        after_sale=205000.0,
        after_sale_log_sd=0.35,
        early_hours=6.0,
        power=0.58,
    ),
    fall_ratio=0.951,
    merge_minutes=360,
    level_noise=0.15,
    climb_margin=0.8,
    climb_intercept=0.73,
    climb_rate=0.926,
    climb_shortfall=-2.151,
    least_likely=0.7,
    shift_middle=1.389,
    shift_steepness=7.039,
    law_at_million=37.28,
    law_power=1.311,
    law_sales=1.0,
    rate_factor=1.019,
    side=SideWeights(
        intercept=-1.424,
        price_ratio=-0.625,
        no_used=-0.681,
        no_new=2.659,
        new_offers=0.255,
        used_offers=0.063,
        amazon=-0.164,
        used_drop_share=0.675,
        used_rise=0.406,
        new_rise=-0.139,
        used_drop=0.704,
        new_drop=-0.47,
        title_used_rise=0.911,
        title_new_rise=-0.306,
        title_used_drop=2.425,
        title_new_drop=-0.844,
    ),
    share_sales=3.0,
    drop_count=0.3,
    price=EventPriceModel(
        rise_offset=0.008,
        rise_sd=0.146,
        quiet_offset=0.029,
        quiet_sd=0.174,
        box_weight=0.5,
    ),
)
