"""Names, numbers and shelves of the products: what a product is, apart from its market."""

from __future__ import annotations

import random
from dataclasses import dataclass

from keepa_deals.simulator.constants import WorldConstants
from keepa_deals.simulator.titles import OTHER, PROFESSIONAL, TEXTBOOK

BOOKS = 283155
ROOTS = {BOOKS: "Books", 172282: "Electronics", 165793011: "Toys & Games", 1055398: "Home & Kitchen"}
REFERRAL_PERCENT = {BOOKS: 15.0, 172282: 8.0, 165793011: 15.0, 1055398: 15.0}

CATEGORIES: dict[int, tuple[str, int]] = {
    **{root: (name, 0) for root, name in ROOTS.items()},
    1000: ("Subjects", BOOKS),
    75: ("Science & Math", 1000),
    13884: ("Mathematics", 75),
    13910: ("Organic", 75),
    491542: ("Textbooks: Chemistry", 75),
    173514: ("Medical Books", 1000),
    227595: ("Nursing", 173514),
    10777: ("Law", 1000),
    2: ("Arts & Photography", 1000),
    9: ("History", 1000),
    48: ("Gardening & Landscape Design", 1000),
    3: ("Business & Money", 1000),
    541966: ("Computers & Accessories", 172282),
    3012292011: ("Cables", 172282),
    166092011: ("Building Toys", 165793011),
    166220011: ("Games", 165793011),
    289814: ("Cookware", 1055398),
    289742: ("Coffee, Tea & Espresso", 1055398),
}
"""Category id to (name, parent); 0 is no parent."""

_LEAVES = {
    TEXTBOOK: (13884, 13910, 491542, 3),
    PROFESSIONAL: (227595, 173514, 10777),
    2: (2, 9, 48, 3),
}
_OTHER_LEAVES = {172282: (541966, 3012292011), 165793011: (166092011, 166220011), 1055398: (289814, 289742)}

_OPENINGS = ("Foundations of", "Introduction to", "Principles of", "Essentials of", "Advanced", "Applied", "Modern")
_SUBJECTS = {
    TEXTBOOK: (
        "Organic Chemistry",
        "Linear Algebra",
        "Microeconomics",
        "Cell Biology",
        "Calculus",
        "Physics for Engineers",
        "Statistics",
        "Managerial Accounting",
        "Thermodynamics",
        "Data Structures",
    ),
    PROFESSIONAL: (
        "Nursing Practice",
        "Contract Law",
        "Clinical Pharmacology",
        "Civil Procedure",
        "Pathophysiology",
        "Evidence",
        "Emergency Care",
        "Tax Law",
    ),
    2: (
        "Kitchen Gardens",
        "the Silk Road",
        "Watercolor Painting",
        "Small Business Finance",
        "American Furniture",
        "Pruning",
        "Medieval Cities",
        "Street Photography",
    ),
}
_THINGS = {
    172282: ("USB-C Cable 6 ft", "Laptop Stand", "Wireless Mouse", "HDMI Switch", "Bluetooth Speaker"),
    165793011: ("Wooden Train Set", "Marble Run 120 Pieces", "Strategy Board Game", "Robot Kit"),
    1055398: ("Cast Iron Skillet 12 Inch", "Burr Coffee Grinder", "Pour Over Kettle", "Bamboo Cutting Board"),
}
_BRANDS = ("Norvane", "Halder", "Brightwell", "Oakmere", "Tessaly", "Kinfold", "Quarrow", "Lumis")
_PRESSES = ("Academic Press of Aldermoor", "Calder & Finch", "Wrenfield Publishing", "Northgate University Press")
_GIVEN = ("Ada", "Noor", "Samuel", "Ingrid", "Rafael", "Mei", "Tomas", "Leila", "Owen", "Priya")
_FAMILY = ("Castellan", "Okafor", "Lindqvist", "Moreau", "Hartwell", "Yamada", "Petrov", "Oduya", "Brandt", "Silva")
_BINDINGS = ("hardcover", "paperback", "spiral_bound", "mass_market")


@dataclass(frozen=True, slots=True)
class Article:
    """One product as its page describes it. Weights in grams, lengths in millimetres, fees in cents."""

    asin: str
    title: str
    author: str | None
    brand: str
    root: int
    leaf: int
    ean: str
    binding: str | None
    edition: str | None
    pages: int
    published: int
    weight: int
    height: int
    length: int
    width: int
    pick_and_pack: int | None
    rating: int
    reviews: int
    image: str
    invalid: bool
    rootless: bool
    bare_history: bool

    @property
    def is_book(self) -> bool:
        return self.root == BOOKS

    @property
    def referral_percent(self) -> float:
        return REFERRAL_PERCENT[self.root]


def isbn10(body: int) -> str:
    """A valid ISBN-10 for a number below 10**9."""
    digits = f"{body:09d}"
    check = sum((10 - place) * int(digit) for place, digit in enumerate(digits))
    last = (11 - check % 11) % 11
    return digits + ("X" if last == 10 else str(last))


def ean13(body: str) -> str:
    """Twelve digits with their check digit."""
    odd, even = (sum(int(digit) for digit in body[start::2]) for start in (0, 1))
    return body + str((10 - (odd + 3 * even) % 10) % 10)


def asin_of(number: int, *, kind: int, seed: int) -> str:
    """The ASIN of product `number`: an ISBN-10 for books, B0… for everything else. One-to-one."""
    mixed = (number * 7_368_787 + seed * 104_729 + 31_337) % 10**8
    if kind != OTHER:
        return isbn10(10**8 + mixed)
    letters = "0123456789ABCDFGHJKLMNPQRSTVWXYZ"
    text = ""
    for _ in range(8):
        mixed, digit = divmod(mixed, len(letters))
        text = letters[digit] + text
    return "B0" + text


def article(number: int, *, kind: int, seed: int, year: int, world: WorldConstants) -> Article:
    """The page of product `number`; the same for the same seed."""
    dice = random.Random(f"{seed}/{number}/article")
    asin = asin_of(number, kind=kind, seed=seed)
    is_book = kind != OTHER
    root = BOOKS if is_book else dice.choice(tuple(_OTHER_LEAVES))
    edition = f"{dice.randint(2, 12)}th Edition" if is_book and dice.random() < 0.5 else None
    title = _book_title(dice, kind=kind, edition=edition) if is_book else _thing_title(dice, root=root)
    if dice.random() < world.html_title_share:
        title = dice.choice((f"<b>{title}</b>", title.replace(" ", " &amp; ", 1), f"{title}<br/>New & Used"))
    weight = int(dice.lognormvariate(6.4, 0.6)) if is_book else int(dice.lognormvariate(6.0, 0.7))
    reviewed = dice.random() < 0.93
    return Article(
        asin=asin,
        title=title,
        author=f"{dice.choice(_GIVEN)} {dice.choice(_FAMILY)}" if is_book else None,
        brand=dice.choice(_PRESSES if is_book else _BRANDS),
        root=root,
        leaf=dice.choice(_LEAVES[kind] if is_book else _OTHER_LEAVES[root]),
        ean=ean13("978" + asin[:9] if is_book else f"{810_000_000_000 + number * 37:012d}"),
        binding=dice.choice(_BINDINGS) if is_book else None,
        edition=edition,
        pages=dice.randint(120, 1400) if is_book else -1,
        published=dice.randint(year - 15, year - 1) * 10_000 + dice.randint(1, 12) * 100 + dice.randint(1, 28),
        weight=weight,
        height=dice.randint(12, 70),
        length=dice.randint(180, 300),
        width=dice.randint(120, 230),
        pick_and_pack=None if dice.random() < 0.08 else _pick_and_pack(weight),
        rating=min(50, max(16, round(dice.gauss(44, 4)))) if reviewed else -1,
        reviews=int(dice.lognormvariate(3.5, 1.4)) + 1 if reviewed else 0,
        image=_image_name(dice),
        invalid=dice.random() < world.invalid_product_share,
        rootless=dice.random() < world.rootless_share,
        bare_history=dice.random() < world.bare_history_share,
    )


def _book_title(dice: random.Random, *, kind: int, edition: str | None) -> str:
    title = f"{dice.choice(_OPENINGS)} {dice.choice(_SUBJECTS[kind])}"
    if dice.random() < 0.4:
        title += dice.choice((": Theory and Practice", ": A Guided Approach", " with Worked Problems", ": A History"))
    return f"{title}, {edition}" if edition is not None else title


def _thing_title(dice: random.Random, *, root: int) -> str:
    return f"{dice.choice(_BRANDS)} {dice.choice(_THINGS[root])}, {dice.choice(('Black', 'Walnut', 'Blue', 'Steel'))}"


def _pick_and_pack(weight: int) -> int:
    return min(900, 306 + weight * 130 // 400 + weight // 1000 * 38)


def _image_name(dice: random.Random) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return dice.choice("4567") + dice.choice("123") + "".join(dice.choices(alphabet, k=8)) + "L.jpg"


def category_path(leaf: int) -> list[int]:
    """Category ids from the root down to `leaf`."""
    path: list[int] = []
    while leaf:
        path.insert(0, leaf)
        leaf = CATEGORIES[leaf][1]
    return path
