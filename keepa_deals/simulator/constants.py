"""Every number that makes one world differ from another, in one frozen record.

Sources: Keepa histories as measured for this project (visits, rank law, offer churn, price steps) and, where
nothing was measured, invented defaults. A second world is a second instance.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from keepa_deals.simulator.errors import SimulatorMisconfigured

MINUTES_PER_YEAR = 365.25 * 1440


@dataclass(frozen=True, slots=True)
class WorldConstants:
    """The market's and the watcher's constants. Times in minutes, money in cents, shares from 0 to 1."""

    name: str

    step_minutes: int = 240
    """Length of one step of the market; events inside a step have their own minutes."""
    history_days: int = 735
    fine_days: int = 92
    """The last days of the first history are lived step by step, what lies before in longer strides."""
    coarse_stride: int = 6
    offer_log_days: int = 120
    """How far back single offers' prices are kept; older ones live on in Keepa's series only."""
    block_products: int = 5000
    """Products that are simulated together, from one stream of random numbers."""
    used_slots: int = 16
    new_slots: int = 7
    sellers: int = 400

    book_share: float = 0.8
    textbook_share: float = 0.6
    professional_share: float = 0.15

    value_median: float = 4700.0
    """Landed worth of a used copy in grade Good."""
    value_sigma: float = 0.72
    new_multiple: tuple[float, float] = (1.6, 3.5)
    season_amplitude: tuple[float, float] = (0.3, 1.3)
    season_demand: float = 1.6
    """Demand swings with the season to this power of the price swing."""
    drift_sigma_year: float = 0.12
    shock_sigma_day: float = 0.008
    shock_memory_days: float = 120.0
    regime_per_year: float = 0.08
    """New editions and reprints: worth falls for good."""
    regime_factor: tuple[float, float] = (0.35, 0.7)

    sales_median_year: float = 24.0
    sales_sigma: float = 1.22
    used_share_mean: float = 0.5
    used_share_weight: float = 3.0
    elasticity_median: float = 5.0
    elasticity_sigma: float = 0.35
    taste_noise: float = 2.9
    """Scale of what buyers see in an offer and we do not."""
    fba_bonus: float = 0.7
    """What FBA is worth to buyers on average; to most of them little, to some a lot."""
    buy_box_bonus: float = 0.6
    willingness_median: float = 1.0
    willingness_sigma: float = 0.25
    refusal_allowance: float = 1.08
    scout_threshold: float = 0.56
    """Below this part of its worth a copy also attracts resellers."""
    scout_hours: float = 1300.0

    offers_used: tuple[float, float] = (1.2, 12.0)
    offers_new: tuple[float, float] = (0.3, 6.0)
    offer_life_days: float = 95.0
    flicker_per_year: float = 1.8
    group_exit_per_year: float = 0.4
    multi_copy_share: float = 0.26
    endless_stock_share: float = 0.5
    policies_used: tuple[float, ...] = (0.28, 0.12, 0.25, 0.19, 0.09, 0.07)
    """Static, matcher, undercutter, loose follower, lottery, penny seller."""
    policies_new: tuple[float, ...] = (0.20, 0.22, 0.18, 0.30, 0.08, 0.02)
    absurd_share: float = 0.12
    """How many of the lottery asks are beyond reason; they rule the price while nobody else sells."""
    absurd_factor: tuple[float, float] = (4.0, 20.0)
    bargain_share: float = 0.06
    bargain_factor: tuple[float, float] = (0.3, 0.68)
    reprice_hours: tuple[float, ...] = (1400.0, 90.0, 48.0, 300.0, 1300.0, 90.0)
    reprice_sigma: float = 0.8
    floor_factor: tuple[float, float] = (0.35, 0.9)
    reset_chance: float = 0.18
    """How often a repricer that has hit its floor starts again from the top."""
    amazon_share: float = 0.35
    amazon_off_days: float = 70.0
    amazon_on_days: float = 160.0

    rank_after_sale: float = 250_000.0
    rank_level_sigma: float = 0.3
    rank_recovery_hours: float = 6.0
    rank_recovery_power: float = 0.58
    """After a sale the rank climbs as (1 + t / 6 h) to this power (measured); the latest sale dominates."""
    rank_memory_hours: tuple[float, ...] = (25.0, 150.0)
    rank_memory_weights: tuple[float, ...] = (0.2, 0.085)
    """What earlier sales still count: only titles that sell every few days notice."""
    rank_rest: float = 0.006
    rank_noise: float = 0.0005
    rank_dips: tuple[float, float] = (0.015, 0.13)
    """Chance per visit that the rank is a trifle lower than the time before although nothing was sold."""
    rank_dip_depth: float = 0.0012
    level_shift_per_year: float = 0.6
    rankless_share: float = 0.01
    rank_gap_share: float = 0.2
    rank_gap_days: float = 80.0

    visit_gap_hours: dict[str, float] = field(
        default_factory=lambda: {"rank": 30.0, "price": 10.5, "count": 40.0, "offers": 260.0}
    )
    """Median gap between Keepa's looks at one product, per job."""
    visit_gap_sigma: float = 1.15
    shared_page: float = 0.4
    """How often the page that tells the rank is read for prices and counts too, in the same minute."""
    visit_pace_sigma: float = 0.45
    watched_factor: dict[str, float] = field(
        default_factory=lambda: {"rank": 0.35, "price": 0.35, "count": 0.5, "offers": 0.18}
    )
    """A product that looks like a deal is visited in this part of the usual gap."""
    outage_chance: float = 0.008
    outage_days: tuple[float, float] = (6.0, 28.0)
    count_glitch: float = 0.003
    price_glitch_per_year: float = 0.05
    price_glitch_days: tuple[float, float] = (4.0, 30.0)
    price_glitch_factor: tuple[float, float] = (6.0, 30.0)

    @property
    def steps_per_day(self) -> int:
        """Market steps in a day."""
        return 1440 // self.step_minutes

    refused_offers_share: float = 0.02
    invalid_product_share: float = 0.01
    rootless_share: float = 0.02
    html_title_share: float = 0.03
    bare_history_share: float = 0.005
    unknown_seller_share: float = 0.03


WORLD_A = WorldConstants(name="A")
"""The world that everything is fitted in."""

WORLD_B = WorldConstants(
    name="B",
    elasticity_median=2.5,
    willingness_sigma=0.5,
    sales_median_year=16.0,
    flicker_per_year=3.6,
    multi_copy_share=0.45,
    visit_gap_hours={name: 1.6 * hours for name, hours in WORLD_A.visit_gap_hours.items()},
    rank_after_sale=180_000.0,
    rank_recovery_power=0.48,
    level_shift_per_year=1.2,
)
"""A second world for reporting alone: buyers who mind the price less and are fewer, more churn, rarer looks, and
another law of the rank."""

_WORLDS = {world.name: world for world in (WORLD_A, WORLD_B)}


def world_named(name: str) -> WorldConstants:
    """The constants of a world by its short name. Raises SimulatorMisconfigured for any other."""
    constants = _WORLDS.get(name.upper())
    if constants is None:
        raise SimulatorMisconfigured(f"There is no world {name!r}; choose one of {', '.join(sorted(_WORLDS))}.")
    return constants
