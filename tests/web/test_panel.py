"""The filter panel and the ready questions: what they say and where they lead."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.datastructures import MultiDict

from keepa_deals.deal_fields import FIELDS
from keepa_deals.deal_query import DealQuery, parse_deal_query
from keepa_deals.records import DealState
from keepa_deals.store.facets import Bucket, Facet, FacetChoice, Facets
from keepa_deals.web import panel
from keepa_deals.web.columns import view_of_set
from keepa_deals.web.marketplaces import MARKETPLACES
from keepa_deals.web.presets import PRESETS, Preset
from keepa_deals.web.table import Table


def a_table(question: str = "", *, set_name: str = "scan") -> Table:
    query = parse_deal_query(MultiDict(parse_qsl(question, keep_blank_values=True)))
    return Table(query, view_of_set(set_name), MARKETPLACES[1])


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.label)
def test_a_preset_is_an_ordinary_address(preset: Preset) -> None:
    table = a_table("state=all&limit=25", set_name="buy")
    link = next(link for link in table.presets() if link.label == preset.label)
    parameters = MultiDict(parse_qsl(urlsplit(link.url).query))
    assert parameters.pop("set") == "buy"
    asked = parse_deal_query(parameters)
    assert asked == preset.asked_like(table.query)
    assert asked.is_filtered
    assert (asked.states, asked.limit) == (tuple(DealState), 25)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.label)
def test_a_preset_knows_when_it_is_asked_in_another_order_but_not_with_another_filter(preset: Preset) -> None:
    asked = preset.query.sorted_by(PRESETS[0].query.sort)
    assert preset.is_asked_by(asked)
    assert [other.label for other in PRESETS if other.is_asked_by(asked)] == [preset.label]
    assert not preset.is_asked_by(asked.without(asked.parameters()[0][0]))
    assert not preset.is_asked_by(DealQuery())


def test_a_histogram_shows_which_of_its_parts_the_filter_lets_through() -> None:
    buckets = (Bucket(0, 1000, 16), Bucket(1000, 2000, 4), Bucket(2000, 3000, 0), Bucket(3000, 4000, 1))
    drawn = panel.bars(a_table("profit_gte=15"), FIELDS["profit"], buckets)
    assert drawn.beyond == "M0 24V0h.85V24z"
    assert drawn.within == "M1 24V12h.85V24zM3 24V18h.85V24z"
    assert (drawn.width, drawn.low, drawn.high) == (4, "$0.00", "$40.00")
    assert drawn.words == "Spread from $0.00 to $40.00, most often between $0.00 and $10.00"


@pytest.mark.parametrize("buckets", [(), (Bucket(5, 5, 9),)])
def test_one_value_alone_has_no_histogram(buckets: tuple[Bucket, ...]) -> None:
    assert panel.bars(a_table(), FIELDS["rank"], buckets) is None


def test_choices_offer_what_there_is_the_usual_grades_and_whatever_is_chosen() -> None:
    counted = (
        FacetChoice("good", 3, False),
        FacetChoice("acceptable", 0, False),
        FacetChoice("collectible_good", 0, False),
    )
    table, facets = a_table("condition=refurbished"), Facets((Facet("condition", counted),), True)
    shown = [(choice.label, choice.count, choice.is_chosen) for choice in panel.choices(table, facets, "condition")]
    assert shown == [("Good", 3, False), ("Acceptable", 0, False), ("Refurbished", None, True)]


def test_a_facet_that_was_not_counted_in_time_keeps_what_is_chosen() -> None:
    choices = panel.choices(a_table("season=textbook&amazon=no"), Facets((), False), "season")
    assert [(choice.value, choice.label, choice.is_chosen) for choice in choices] == [("textbook", "Textbook", True)]


def test_the_search_form_hands_on_what_the_panel_has_no_control_for() -> None:
    table = a_table("q=river&profit_gte=5&list_price_gte=9&state=all&season=fall&sort=roi&limit=25", set_name="buy")
    assert panel.kept(table) == [("list_price_gte", "9"), ("state", "all"), ("set", "buy")]


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ("q=title:river", "“title:river”"),
        ("profit_gte=12.5", "Profit ≥ $12.50"),
        ("roi_lte=90", "ROI ≤ 90 %"),
        ("rank_lte=500000", "Sales rank ≤ 500,000"),
        ("condition=very_good", "Very good"),
        ("amazon=no", "Amazon does not sell it"),
        ("profitable=yes", "Profitable even at the low bound"),
        ("season=none", "All year"),
        ("category=Books", "Books"),
    ],
)
def test_a_chip_says_its_filter_and_leads_away_from_it(question: str, label: str) -> None:
    chips = a_table(question).chips()
    assert [(chip.label, chip.url) for chip in chips] == [(label, "/")]
