"""Latency against the number of deals, drawn as SVG: both axes by powers of ten, one line a way of asking."""

from __future__ import annotations

import math
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 70, 230, 30, 50
LINES = (
    ("exact_datasette_ms", "Datasette, exact count", "#b3372f", ""),
    ("none_datasette_ms", "Datasette, no count", "#b3372f", "6 4"),
    ("sqlite_floor_with_count_ms", "plain sqlite3, page and count", "#777777", "2 3"),
    ("exact_ours_ms", "ours, exact count", "#1d5fa8", ""),
    ("none_ours_ms", "ours, no count", "#1d5fa8", "6 4"),
    ("capped_count_ms", "ours, capped count alone", "#2a7d46", "2 3"),
)


def plot(rows: dict[str, dict[str, Any]]) -> str:
    """The drawing of `rows`: figures by number of deals."""
    sizes = sorted(int(size) for size in rows)
    values = [max(rows[str(size)][name], 0.1) for size in sizes for name, *_ in LINES]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    parts = [*_axes(sizes, low, high)]
    for place, (name, label, colour, dashes) in enumerate(LINES):
        points = [(_x(size, sizes), _y(max(rows[str(size)][name], 0.1), low, high)) for size in sizes]
        parts += _line(points, label, colour, dashes, place)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" font-family="sans-serif" font-size="12">\n'
        "<title>Median milliseconds for one page of 50 deals, four clients at once, by number of deals</title>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _x(size: int, sizes: list[int]) -> float:
    span = math.log10(sizes[-1] / sizes[0]) or 1.0
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(size / sizes[0]) / span


def _y(value: float, low: int, high: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (math.log10(value) - low) / (high - low)


def _axes(sizes: list[int], low: int, high: int) -> list[str]:
    parts = []
    for power in range(low, high + 1):
        y = _y(10.0**power, low, high)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g} ms</text>')
    for size in sizes:
        x = _x(size, sizes)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{size:,} deals</text>')
    return parts


def _line(points: list[tuple[float, float]], label: str, colour: str, dashes: str, place: int) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    y, x = TOP + 10 + place * 22, WIDTH - RIGHT + 24
    stroke = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes or "none"}"'
    return [
        f'<polyline points="{path}" fill="none" {stroke}/>',
        *(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="3" fill="{colour}"/>' for cx, cy in points),
        f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" {stroke}/>',
        f'<text x="{x + 32}" y="{y + 4}">{label}</text>',
    ]
