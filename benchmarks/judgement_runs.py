"""One seed of one world: its deal moments claimed by every estimator, played at every claim's price, put into rows."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.judgement_claims import ABLATIONS, ESTIMATORS, Estimator, terms_of
from benchmarks.judgement_scores import STATED_TOLERANCE, Claim, Row, count_events, true_outcome
from benchmarks.moments import DealMoment, Played, Playground, cached_moments
from keepa_deals.records import CostSettings

ALL: Mapping[str, Estimator] = {**ESTIMATORS, **ABLATIONS}
SEARCHED_YEARS = 2.0
LISTINGS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What one run of a seed is asked for."""

    world: str
    seed: int
    products: int
    replicates: int
    estimators: tuple[str, ...]
    cache: Path | None
    costs: CostSettings


def run_seed(plan: RunPlan) -> dict[str, list[Row]]:
    """The rows of every estimator, one for each moment."""
    moments, ground = cached_moments(plan.world, plan.seed, products=plan.products, cache=plan.cache)
    claims = {name: [ALL[name](moment, plan.costs) for moment in moments] for name in plan.estimators}
    wanted = {
        (place, cents) for some in claims.values() for place, claim in enumerate(some) for cents in prices_of(claim)
    }
    played = play_at(moments, sorted(wanted), ground=ground, plan=plan)
    return {
        name: [
            row_of(moment, claim, played={cents: played[place, cents] for cents in prices_of(claim)}, plan=plan)
            for place, (moment, claim) in enumerate(zip(moments, some, strict=True))
        ]
        for name, some in claims.items()
    }


def prices_of(claim: Claim) -> set[int]:
    """The list prices at which a claim says something that can come true."""
    spoken_of = {claim.list_cents, claim.trust_cents if claim.trust is not None else None}
    return {cents for cents in spoken_of if cents is not None}


def play_at(
    moments: Sequence[DealMoment], wanted: Sequence[tuple[int, int]], *, ground: Playground, plan: RunPlan
) -> dict[tuple[int, int], Played]:
    """What became of each wanted listing, by moment's place and price, a share of them at a time.

    The random numbers are not those of the moments' own futures, so that no estimator meets one luck twice.
    """
    luck = random.Random(f"{plan.world} {plan.seed}")
    played: dict[tuple[int, int], Played] = {}
    for first in range(0, len(wanted), LISTINGS_AT_ONCE):
        some = wanted[first : first + LISTINGS_AT_ONCE]
        fates = ground.play(
            [moments[place] for place, _ in some],
            [cents for _, cents in some],
            replicates=plan.replicates,
            inbound_days=plan.costs.inbound_delay_days,
            days=plan.costs.sell_within_days,
            seed=luck.getrandbits(32),
        )
        played |= dict(zip(some, fates, strict=True))
    return played


def row_of(moment: DealMoment, claim: Claim, *, played: Mapping[int, Played], plan: RunPlan) -> Row:
    """One claim beside the truth of its moment."""
    terms = terms_of(moment, plan.costs)
    within = plan.costs.sell_within_days
    net = terms.net_of(claim.list_cents) if claim.list_cents is not None else None
    listed = played.get(claim.list_cents) if claim.list_cents is not None else None
    trusted = played.get(claim.trust_cents) if claim.trust_cents is not None else None
    outcome = None
    if listed is not None and net is not None:
        outcome = true_outcome(
            listed.sold_days.tolist(),
            within_days=within,
            salvage_cents=listed.salvage_cents * plan.costs.salvage_percent / 50.0,
            net_cents=net,
            all_in_cents=terms.all_in_cents,
        )
    used = [sale.minute for sale in moment.past if sale.is_used]
    return Row(
        seed=moment.seed,
        number=moment.number,
        claim=claim,
        all_in_cents=terms.all_in_cents,
        any_counts=count_events(claim.any_minutes, [sale.minute for sale in moment.past]),
        used_counts=count_events(claim.used_minutes, used),
        used_from_counts={
            chance: count_events(minutes, used)[STATED_TOLERANCE] for chance, minutes in claim.used_from.items()
        },
        true_sales_a_year=len(moment.past) / SEARCHED_YEARS,
        true_used_a_year=len(used) / SEARCHED_YEARS,
        true_sale_cents=moment.future_landed_cents,
        outcome=outcome,
        trust_share=trusted.sold_share(within) if trusted is not None else None,
    )
