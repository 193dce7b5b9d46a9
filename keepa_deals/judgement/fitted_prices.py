"""Numbers of prices and selling: written by `python benchmarks/fit_prices.py`, not by hand.

Fitted on seeds 1-50 of world A. There, judged out of fold:
2334 deals; sale price off by 0.116 (median), 0.325 (p90), 0.79 within the interval
profit off by $2.59 (median), $9.91 (p90), bias $1.02; top tenth truly $18.46, a loss in 0.11; list price / sale price 1.20
caution 0.00:  415 shown, 0.145 false, 0.785 of the truly profitable kept
caution 0.25:  348 shown, 0.138 false, 0.664 of the truly profitable kept
caution 0.50:  310 shown, 0.110 false, 0.611 of the truly profitable kept
caution 0.75:  255 shown, 0.094 false, 0.511 of the truly profitable kept
caution 1.00:  206 shown, 0.068 false, 0.425 of the truly profitable kept
caution 1.50:  135 shown, 0.059 false, 0.281 of the truly profitable kept
caution 2.00:   79 shown, 0.025 false, 0.170 of the truly profitable kept
trust 10 to  20 %:    2 deals, told 0.176, true 0.167
trust 20 to  30 %:    5 deals, told 0.258, true 0.190
trust 30 to  40 %:   36 deals, told 0.363, true 0.375
trust 40 to  50 %:   64 deals, told 0.460, true 0.532
trust 50 to  60 %:  130 deals, told 0.555, true 0.613
trust 60 to  70 %:  221 deals, told 0.659, true 0.629
trust 70 to  80 %:  420 deals, told 0.754, true 0.737
trust 80 to  90 %:  766 deals, told 0.853, true 0.843
trust 90 to 100 %:  690 deals, told 0.939, true 0.952
"""

from __future__ import annotations

from keepa_deals.judgement.price_model import PriceModel, SellingModel, Term
from keepa_deals.records import Condition

FITTED_PRICES = PriceModel(
    seasons={
        "textbook": (0.02, 0.1647, 0.0537, -0.0779, -0.2041, -0.2113, -0.1251, 0.114, 0.3818, 0.1336, -0.1132, -0.1361),
        "professional": (-0.0718, -0.0099, 0.0173, 0.0905, 0.0178, 0.0309, -0.0297, -0.0335, 0.0591, 0.0355, 0.0018, -0.1081),
        "general": (0.0506, -0.0272, -0.0345, 0.0169, -0.0122, -0.0323, -0.0063, -0.0135, -0.0136, 0.0083, 0.0215, 0.0422),
        "goods": (-0.0149, 0.0132, 0.013, -0.0098, -0.0323, -0.0397, -0.0108, 0.0715, 0.0157, -0.0181, -0.008, 0.0203),
    },
    grades={
        Condition.LIKE_NEW: 0.035,
        Condition.VERY_GOOD: 0.028,
        Condition.GOOD: 0.0,
        Condition.ACCEPTABLE: -0.051,
    },
    memory_days=375.0,
    pseudo_sales=1.5,
    ask_discount=-0.053,
    clip=0.6,
    pooled_spread=0.253,
    spread_pseudo_sales=3.0,
    break_depth=0.55,
    season_pseudo_sales=12.0,
    demand_power=0.5,
    base=-0.1449,
    correction=(
        Term("lowest rival below", -0.2154, 0.2232),
        Term("second rival", 0.0224, 0.0487),
        Term("median rival", 0.1267, 0.0956),
        Term("new copy", 0.2635, 0.0987),
        Term("copy", -0.3093, 0.1009),
        Term("recent asks", 0.1057, 0.1257),
        Term("new price's drift", -0.1132, 0.1411),
        Term("Amazon's drift", -0.1325, 0.3038),
        Term("used sales a year", 2.3074, 0.0664),
        Term("rivals", 1.6304, 0.0549),
    ),
    error_base=-1.6237,
    error=(
        Term("spread", -1.351, 0.0),
        Term("thin evidence", 0.3001, 0.4396),
        Term("rivals", 1.6304, -0.1607),
        Term("used sales a year", 2.3074, 0.0154),
    ),
    interval_reach=1.166,
    least_evidence=1.5,
)

FITTED_SELLING = SellingModel(
    base=-4.4641,
    terms=(
        Term("used sales a year", 2.0774, 0.6218),
        Term("rivals", 1.6272, -0.0747),
        Term("lowest rival", -0.0137, -0.196),
        Term("price error", -1.6226, 0.6449),
        Term("season's swing", 0.3806, 0.5097),
    ),
    slope=3.2274,
    bend=2.1543,
    bend_at=0.1888,
    premium=0.2932,
    season_price=1.024,
    season_demand=0.1744,
    frailty=0.6933,
    prudence=1.25,
    error_base=6.205,
    error=(
        Term("sale price", 8.2216, 0.8722),
        Term("list ratio", 0.1771, -0.0067),
        Term("price error", -1.6225, 0.8408),
        Term("doubt", -1.4622, -0.2892),
        Term("lowest rival", -0.0137, 0.076),
        Term("used sales a year", 2.0774, 0.0702),
        Term("evidence", 1.6001, 0.0416),
    ),
    trust_base=-0.1632,
    trust_slope=1.0094,
)
