"""The installation's id: made once, kept when moved, new for a copy."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from keepa_deals.installation import installation_id


def test_it_is_twelve_hex_digits_and_stays(tmp_path: Path) -> None:
    first = installation_id(tmp_path / "var")
    assert re.fullmatch(r"[0-9a-f]{12}", first)
    assert installation_id(tmp_path / "var") == first


def test_everybody_who_asks_at_once_is_told_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(lambda _: installation_id(tmp_path / "var"), range(32)))
    assert len(told) == 1


def test_a_moved_folder_keeps_its_id(tmp_path: Path) -> None:
    before = installation_id(tmp_path / "var")
    (tmp_path / "var").rename(tmp_path / "elsewhere")
    assert installation_id(tmp_path / "elsewhere") == before
    assert installation_id(tmp_path / "elsewhere") == before


def test_a_copied_folder_gets_an_id_of_its_own_and_the_original_keeps_its(tmp_path: Path) -> None:
    original = installation_id(tmp_path / "var")
    shutil.copytree(tmp_path / "var", tmp_path / "copy")
    assert installation_id(tmp_path / "copy") != original
    assert installation_id(tmp_path / "var") == original


def test_a_damaged_file_makes_a_new_id_instead_of_a_failure(tmp_path: Path) -> None:
    installation_id(tmp_path)
    (tmp_path / "installation").write_text('{"id": "../../etc"')
    assert re.fullmatch(r"[0-9a-f]{12}", installation_id(tmp_path))
