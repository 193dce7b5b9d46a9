"""The fitted numbers of the inferred sales. Written by `python benchmarks/fit_sales.py`: not by hand."""

from __future__ import annotations

from keepa_deals.judgement.model import EventPriceModel, RankCurve, SalesModel, SideWeights

FITTED = SalesModel(
    curve=RankCurve(after_sale=250_000.0, after_sale_log_sd=0.35, early_hours=6.0, power=0.58),
    fall_ratio=0.951,
    merge_minutes=360,
    level_noise=0.15,
    climb_margin=0.7,
    shift_middle=1.5,
    shift_steepness=3.0,
    law_at_million=55.0,
    law_power=1.75,
    law_sales=1.0,
    rate_factor=1.0,
    side=SideWeights(
        intercept=0.0,
        price_ratio=-1.0,
        no_used=-3.0,
        no_new=1.0,
        new_offers=-0.3,
        used_offers=0.3,
        amazon=-0.5,
        used_drop_share=0.3,
        used_rise=1.0,
        new_rise=-1.0,
        used_drop=0.5,
        new_drop=-0.5,
    ),
    share_sales=3.0,
    share_pull=0.5,
    drop_count=0.15,
    price=EventPriceModel(rise_offset=0.0, rise_sd=0.05, quiet_offset=0.05, quiet_sd=0.15, box_weight=0.5),
)
