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
    climb_intercept=0.815,
    climb_rate=0.695,
    climb_shortfall=-1.953,
    least_likely=0.8,
    shift_middle=1.421,
    shift_steepness=5.127,
    law_at_million=42.33,
    law_power=1.37,
    law_sales=1.0,
    rate_factor=0.991,
    side=SideWeights(
        intercept=-1.076,
        price_ratio=-0.854,
        no_used=-1.11,
        no_new=3.165,
        new_offers=-0.115,
        used_offers=0.146,
        amazon=-0.159,
        used_drop_share=0.715,
        used_rise=0.334,
        new_rise=-0.155,
        used_drop=0.433,
        new_drop=-0.324,
        title_used_rise=1.634,
        title_new_rise=-0.035,
        title_used_drop=1.892,
        title_new_drop=-0.864,
    ),
    share_sales=3.0,
    used_factor=0.972,
    drop_count=0.3,
    price=EventPriceModel(
        rise_offset=0.011,
        rise_sd=0.133,
        quiet_offset=0.022,
        quiet_sd=0.137,
        box_weight=0.5,
    ),
)
