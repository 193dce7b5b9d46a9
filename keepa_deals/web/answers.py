"""The last touch to every answer: a tag by which an unchanged one need not be sent again, and fewer bytes."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache

from flask import request
from werkzeug.wrappers import Response

SMALLEST = 1_000
"""bytes; less than that fits a packet anyhow"""
LARGEST = 4_000_000
LEVEL = 3
SHRINK_WELL = ("text/", "application/json", "application/javascript", "application/atom+xml", "image/svg+xml")
PASSING = re.compile(rb'"as_of":"[^"]*"')
"""the part of an answer that is another each time it is asked for"""


def finish(response: Response) -> Response:
    """For Flask's `after_request`; last of all."""
    if request.path.startswith("/api/") and _is_whole(response):
        response.set_etag(hashlib.blake2b(PASSING.sub(b"", response.get_data()), digest_size=12).hexdigest(), weak=True)
        response.make_conditional(request)
    return shrink(response)


def shrink(response: Response) -> Response:
    """Compressed, where the client takes that and it is worth it. A streamed answer is left as it is."""
    kind = response.mimetype or ""
    if response.status_code not in (200, 400, 404) or (response.is_streamed and not response.direct_passthrough):
        return response
    if not kind.startswith(SHRINK_WELL) or kind == "text/event-stream" or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    size = response.content_length
    is_worth_it = size is None or SMALLEST <= size <= LARGEST
    if request.method != "GET" or request.range is not None or not is_worth_it:
        return response
    if request.accept_encodings.quality("gzip") <= 0:
        return response
    return _shrunk(response)


def _shrunk(response: Response) -> Response:
    is_file = response.direct_passthrough
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) < SMALLEST:
        return response
    response.set_data(_remembered(body) if is_file else _zipped(body))
    response.headers["Content-Encoding"] = "gzip"
    tag, _ = response.get_etag()
    if tag is not None:
        response.set_etag(tag, weak=True)
    return response


def _is_whole(response: Response) -> bool:
    """Whether this is an ordinary answer to a question that changes nothing."""
    return request.method in ("GET", "HEAD") and response.status_code == 200 and not response.is_streamed


def _zipped(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


@lru_cache(maxsize=32)
def _remembered(body: bytes) -> bytes:
    """For files, which are the same each time."""
    return gzip.compress(body, 9, mtime=0)
