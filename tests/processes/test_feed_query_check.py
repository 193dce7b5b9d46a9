"""What is collected is checked before anything starts, not by the first task in the night."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepa_deals.errors import BadSettings
from keepa_deals.processes.control import check_feed_query
from keepa_deals.settings import settings_from


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "FEED_QUERY_FILE"),
        ("{not json", "JSON"),
        ('{"lowest_price": 5}', "lowest_price"),
        ('{"domain_id": 3}', "KEEPA_DOMAIN"),
    ],
)
def test_a_feed_query_that_cannot_be_used_stops_the_start(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "query.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BadSettings, match=words):
        check_feed_query(settings_from({"FEED_QUERY_FILE": str(file)}, root=tmp_path))


def test_a_good_feed_query_passes(tmp_path: Path) -> None:
    (tmp_path / "query.json").write_text('{"lowest_price_cents": 1500}')
    check_feed_query(settings_from({"FEED_QUERY_FILE": "query.json"}, root=tmp_path))
