"""Numbers of prices and selling: written by `python benchmarks/fit_prices.py`, not by hand.

Fitted on seeds 1-50 of world A. There, judged out of fold:
2334 deals; sale price off by 0.116 (median), 0.325 (p90), 0.79 within the interval
profit off by $2.65 (median), $9.89 (p90), bias $1.00; top tenth truly $18.58, a loss in 0.11; list / sale price 1.20
caution 0.00:  415 shown, 0.159 false, 0.784 of the truly profitable kept
caution 0.25:  351 shown, 0.151 false, 0.670 of the truly profitable kept
caution 0.50:  309 shown, 0.110 false, 0.618 of the truly profitable kept
caution 0.75:  258 shown, 0.105 false, 0.519 of the truly profitable kept
caution 1.00:  209 shown, 0.081 false, 0.431 of the truly profitable kept
caution 1.50:  140 shown, 0.057 false, 0.297 of the truly profitable kept
caution 2.00:   81 shown, 0.049 false, 0.173 of the truly profitable kept
trust 10 to  20 %:    2 deals, told 0.178, true 0.192
trust 20 to  30 %:    5 deals, told 0.264, true 0.200
trust 30 to  40 %:   33 deals, told 0.364, true 0.399
trust 40 to  50 %:   66 deals, told 0.459, true 0.520
trust 50 to  60 %:  127 deals, told 0.555, true 0.621
trust 60 to  70 %:  226 deals, told 0.659, true 0.629
trust 70 to  80 %:  422 deals, told 0.754, true 0.736
trust 80 to  90 %:  782 deals, told 0.853, true 0.843
trust 90 to 100 %:  671 deals, told 0.939, true 0.951
"""

from __future__ import annotations

from keepa_deals.judgement.price_model import PriceModel, SellingModel, Term
from keepa_deals.records import Condition

FITTED_PRICES = PriceModel(
    seasons={
        "textbook": (
            0.0192,
            0.1479,
            0.0491,
            -0.0705,
            -0.1822,
            -0.1948,
            -0.1166,
            0.11,
            0.3427,
            0.1187,
            -0.0982,
            -0.1253,
        ),
        "professional": (
            -0.0533,
            -0.008,
            0.0151,
            0.0566,
            0.0165,
            0.0173,
            -0.0179,
            -0.0196,
            0.036,
            0.0255,
            -0.0022,
            -0.0659,
        ),
        "general": (
            0.0363,
            -0.0188,
            -0.0258,
            0.0102,
            -0.0092,
            -0.0243,
            -0.0066,
            -0.0104,
            -0.0101,
            0.0062,
            0.0178,
            0.0344,
        ),
        "goods": (
            -0.0063,
            0.0066,
            0.0073,
            -0.0061,
            -0.0196,
            -0.023,
            -0.0045,
            0.0392,
            0.0112,
            -0.0107,
            -0.0044,
            0.0102,
        ),
    },
    grades={
        Condition.LIKE_NEW: 0.035,
        Condition.VERY_GOOD: 0.028,
        Condition.GOOD: 0.0,
        Condition.ACCEPTABLE: -0.051,
    },
    memory_days=375.0,
    pseudo_sales=1.5,
    ask_discount=-0.051,
    clip=0.6,
    pooled_spread=0.252,
    spread_pseudo_sales=3.0,
    break_depth=0.55,
    season_pseudo_sales=12.0,
    demand_power=0.5,
    base=-0.1449,
    correction=(
        Term("lowest rival below", -0.2187, 0.2216),
        Term("second rival", 0.0175, 0.0477),
        Term("median rival", 0.1219, 0.0955),
        Term("new copy", 0.259, 0.0971),
        Term("copy", -0.2784, 0.0949),
        Term("recent asks", 0.1073, 0.1301),
        Term("new price's drift", -0.1132, 0.1442),
        Term("Amazon's drift", -0.1325, 0.3083),
        Term("used sales a year", 2.3074, 0.0666),
        Term("rivals", 1.6304, 0.0546),
    ),
    error_base=-1.6258,
    error=(
        Term("spread", -1.3537, 0.0),
        Term("thin evidence", 0.3004, 0.4343),
        Term("rivals", 1.6304, -0.156),
        Term("used sales a year", 2.3074, 0.0116),
    ),
    interval_reach=1.175,
    least_evidence=1.5,
)

FITTED_SELLING = SellingModel(
    base=-4.4652,
    terms=(
        Term("used sales a year", 2.0774, 0.6223),
        Term("rivals", 1.6272, -0.0904),
        Term("lowest rival", -0.0174, -0.2299),
        Term("price error", -1.6247, 0.6217),
        Term("season's swing", 0.3297, 0.5049),
    ),
    slope=3.2367,
    bend=2.1639,
    bend_at=0.1882,
    premium=0.2842,
    season_price=1.1252,
    season_demand=0.2397,
    frailty=0.6953,
    prudence=1.25,
    error_base=6.2076,
    error=(
        Term("sale price", 8.2217, 0.8819),
        Term("list ratio", 0.1774, -0.0467),
        Term("price error", -1.6249, 0.768),
        Term("doubt", -1.4618, -0.1794),
        Term("lowest rival", -0.0183, 0.0717),
        Term("used sales a year", 2.0774, 0.0458),
        Term("evidence", 1.6001, 0.0751),
    ),
    trust_base=-0.1457,
    trust_slope=0.9927,
)
