"""Book numbers: the forms in which one book may be written (ISO 2108). For books an ASIN is the ISBN-10."""

from __future__ import annotations

import re

_ISBN10 = re.compile(r"[0-9]{9}[0-9X]")
_ISBN13 = re.compile(r"97[89][0-9]{10}")


def book_numbers(text: str) -> tuple[str, ...]:
    """Every form of the book number in `text` (hyphens and spaces allowed), else nothing.

    A 979 number has no ISBN-10; a number whose check digit is wrong is not a book number.
    """
    plain = text.replace("-", "").replace(" ", "").upper()
    if _ISBN10.fullmatch(plain) and plain[9] == _check10(plain[:9]):
        return (plain, _isbn13("978" + plain[:9]))
    if _ISBN13.fullmatch(plain) and plain == _isbn13(plain[:12]):
        return (plain, plain[3:12] + _check10(plain[3:12])) if plain.startswith("978") else (plain,)
    return ()


def _check10(nine: str) -> str:
    rest = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), nine, strict=True)) % 11
    check = (11 - rest) % 11
    return "X" if check == 10 else str(check)


def _isbn13(twelve: str) -> str:
    rest = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve)) % 10
    return twelve + str((10 - rest) % 10)
