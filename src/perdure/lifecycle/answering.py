"""Replies of the kinds that are no data: texts, files, redirects, streams, events, nothing.

They have no GType, so no version changes them.

Source: SPEC 3.1.
"""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from perdure.context.answers import Empty, EventStream, File, Html, Redirect, Stream, Text
from perdure.context.exchange import Exchange
from perdure.context.files import Conditions, plan_file
from perdure.context.response import Response
from perdure.context.sse import encode_events
from perdure.context.streams import encode_chunks
from perdure.errors import Problem
from perdure.lifecycle.reply import FileSlice, Reply

__all__ = ["ANSWERS", "is_answer", "write_answer"]

ANSWERS = (Empty, EventStream, File, Html, Redirect, Stream, Text)
"""The answer classes of `perdure.context.answers`."""

_REFUSALS = {412: "The file is not the one the request is conditional on.", 416: "The range lies outside the file."}
_RAW = (*ANSWERS, str, bytes, bytearray, memoryview, AsyncIterator, Iterator)


def is_answer(value: object, *, typed: bool) -> bool:
    """Return whether *value* is one of these kinds.

    Args:
        typed: The handler declares a data type: then text and bytes are data too.
    """
    return isinstance(value, (*ANSWERS, AsyncIterator) if typed else _RAW)


def write_answer(value: Any, response: Response[Any], exchange: Exchange) -> Reply:
    """Return the reply *value* stands for.

    Raises:
        Problem: A file is not the one the request is conditional on, or the range lies outside it.
        FileNotFoundError: A file is not there.
        OSError: A file cannot be read.
    """
    status = response.status
    if isinstance(value, str | Text | Html):
        text = Text(value) if isinstance(value, str) else value
        return Reply(status, _headers(response, text.media_type), text.content.encode())
    if isinstance(value, bytes | bytearray | memoryview):
        return Reply(status, _headers(response, "application/octet-stream"), bytes(value))
    if isinstance(value, Redirect):
        return Reply(value.status, [*response.header_items, ("location", value.location)], b"")
    if isinstance(value, Empty):
        return Reply(value.status, [*response.header_items], b"")
    if isinstance(value, File):
        return _write_file(value, response, exchange)
    if isinstance(value, EventStream):
        headers = [*_headers(response, "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
        return Reply(status, headers, encode_events(value))
    stream = value if isinstance(value, Stream) else Stream(value)
    return Reply(status, _headers(response, stream.media_type), encode_chunks(stream.content))


def _headers(response: Response[Any], media_type: str) -> list[tuple[str, str]]:
    """Return the response's own headers, and *media_type* where they name none."""
    if any(name == "content-type" for name, _ in response.header_items):
        return [*response.header_items]
    return [("content-type", media_type), *response.header_items]


def _write_file(file: File, response: Response[Any], exchange: Exchange) -> Reply:
    def joined(name: str) -> str:
        return ", ".join(exchange.header_values(name))

    conditions = Conditions(
        if_match=joined("if-match"), if_none_match=joined("if-none-match"), range=joined("range"),
        if_modified_since=joined("if-modified-since"), if_unmodified_since=joined("if-unmodified-since"),
        if_range=joined("if-range"),
    )  # fmt: skip
    plan = plan_file(file, conditions)
    if plan.status in {412, 416}:
        raise Problem(plan.status, _REFUSALS[plan.status], headers=dict(plan.headers))
    status = response.status if plan.status == 200 else plan.status
    own = {name for name, _ in response.header_items}
    headers = [*response.header_items, *(item for item in plan.headers if item[0] not in own)]
    if plan.status not in {200, 206}:
        return Reply(status, headers, b"")
    return Reply(status, headers, FileSlice(os.fspath(file.path), plan.start, plan.stop, plan.size))
