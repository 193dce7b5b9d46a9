"""The runbook as a page: the few forms of Markdown that docs/operations.md uses, and nothing else.

Everything is escaped before a form is recognised, so that no text can become a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

_HEADING = re.compile(r"(#{1,4}) (.+)")
_BLOCK_START = re.compile(r"#{1,4} |- |\||```")
_RULE = re.compile(r"[|\s:-]+")
_LEVEL_LINE = re.compile(r"\*(.+\.)\*")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\((#[\w-]+|https?://[^\s)]+)\)")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")
_EM = re.compile(r"\*([^*\s](?:[^*]*[^*\s])?)\*")


def render(text: str) -> Markup:
    """Markdown to HTML; a heading's id is its text in small letters with hyphens."""
    return Markup("\n").join(_blocks(text.splitlines()))


def _blocks(lines: list[str]) -> Iterator[Markup]:
    left = list(lines)
    while left:
        if not left[0].strip():
            left.pop(0)
        elif left[0].startswith("```"):
            yield _code(left)
        elif left[0].startswith("|"):
            yield _table(_take(left, lambda line: line.startswith("|")))
        elif left[0].startswith("- "):
            yield _list(_take(left, lambda line: line.startswith(("- ", "  "))))
        elif heading := _HEADING.fullmatch(left[0]):
            left.pop(0)
            yield _heading(len(heading[1]), heading[2])
        else:
            first = left.pop(0)
            rest = _take(left, lambda line: bool(line.strip()) and not _BLOCK_START.match(line))
            yield _paragraph([first, *rest])


def _take(left: list[str], belongs: object) -> list[str]:
    assert callable(belongs)
    taken = []
    while left and belongs(left[0]):
        taken.append(left.pop(0))
    return taken


def _heading(level: int, text: str) -> Markup:
    name = re.sub(r"[^\w]+", "-", text.lower()).strip("-")
    return Markup('<h{0} id="{1}">{2}</h{0}>').format(level, name, _inline(text))


def _paragraph(lines: list[str]) -> Markup:
    level = _LEVEL_LINE.fullmatch(lines[0])
    if level is None:
        return Markup("<p>{}</p>").format(_inline(" ".join(lines)))
    rest = _paragraph(lines[1:]) if lines[1:] else Markup("")
    return Markup('<p class="muted">{}</p>\n{}').format(_inline(level[1]), rest)


def _code(left: list[str]) -> Markup:
    left.pop(0)
    lines = _take(left, lambda line: not line.startswith("```"))
    if left:
        left.pop(0)
    return Markup("<pre><code>{}</code></pre>").format("\n".join(lines))


def _list(lines: list[str]) -> Markup:
    items: list[str] = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:])
        else:
            items[-1] += " " + line.strip()
    return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(_inline(item)) for item in items))


def _table(lines: list[str]) -> Markup:
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines if not _RULE.fullmatch(line)
    ]
    head, *body = rows
    return Markup('<table class="plain"><thead>{}</thead><tbody>{}</tbody></table>').format(
        _row(head, Markup('<th scope="col">{}</th>')),
        Markup("").join(_row(row, Markup("<td>{}</td>")) for row in body),
    )


def _row(cells: list[str], form: Markup) -> Markup:
    return Markup("<tr>{}</tr>").format(Markup("").join(form.format(_inline(cell)) for cell in cells))


def _inline(text: str) -> Markup:
    """Code first and set apart, so that a star in it is no emphasis."""
    parts = _CODE.split(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else _emphasis(part) for number, part in enumerate(parts)
    )


def _emphasis(text: str) -> Markup:
    html = str(escape(text))
    for pattern, form in ((_LINK, r'<a href="\2">\1</a>'), (_STRONG, r"<strong>\1</strong>"), (_EM, r"<em>\1</em>")):
        html = pattern.sub(form, html)
    return Markup(html)  # noqa: S704 - escaped above; only our own tags were added
