"""Every fitted number of the judgement, in frozen records with a word on each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RankCurve:
    """How a sales rank climbs after a sale: rank = after_sale × (1 + hours / early_hours) ** power.

    The shape was measured on real book histories (power 0.55 to 0.6, early hours about 6); the level right after a
    sale differs from title to title and is learned from each title's own falls.
    """

    after_sale: float
    """the catalogue's median rank right after a single sale"""
    after_sale_log_sd: float
    """how much titles differ in it, natural log"""
    early_hours: float
    power: float


@dataclass(frozen=True, slots=True)
class SalesModel:
    """What `infer_sales` has learned; written by `benchmarks/fit_sales.py` into `fitted_sales.py`."""

    curve: RankCurve
