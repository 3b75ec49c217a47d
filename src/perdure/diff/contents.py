"""Which types of the old endpoint have to be compared with which of the new one, where there are several media types.

A client speaks one media type: what it sends or reads of that one is compared. Where all media types of a message have
one type, as they mostly do, that is compared once.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from perdure.gtype.nodes import Node
from perdure.manifest.records import Endpoint

__all__ = ["Contents", "TypePair", "answer_contents", "answer_pairs", "body_pairs", "has_other_media", "media_type"]

_ANYTHING: Final = "*/*"

Contents = Mapping[str, Node | None]
"""By media type, what a message holds; None where nothing is said of it."""


class TypePair(NamedTuple):
    """Two types to be compared; None is no body, or one of which nothing is said."""

    old: Node | None
    new: Node | None
    media: str = ""
    """Of which media type; "" where it need not be told."""


def media_type(text: str) -> str:
    """Return *text* without parameters: ``application/json; charset=utf-8`` is ``application/json``."""
    return text.partition(";")[0].strip().lower()


def has_other_media(old: Endpoint, new: Endpoint) -> bool:
    """Tell whether normal answers were of one media type and are of another; not where one side says nothing of it."""
    found = {media_type(old.response_media), media_type(new.response_media)}
    return len(found) > 1 and _ANYTHING not in found


def body_pairs(old: Endpoint, new: Endpoint) -> tuple[TypePair, ...]:
    """Return what bodies of requests are to be compared with."""
    return _pairs(_bodies(old), _bodies(new), TypePair(old.body, new.body))


def answer_pairs(main: TypePair, old: tuple[Endpoint, str], new: tuple[Endpoint, str]) -> tuple[TypePair, ...]:
    """Return what answers are to be compared with.

    Args:
        main: What those of the media type that leads hold.
        old: The endpoint, and under which status it documents them.
        new: The same now.
    """
    before, after = answer_contents(*old, main.old), answer_contents(*new, main.new)
    if len(before) == len(after) == 1:
        return (main,)
    return _pairs(before, after, main)


def answer_contents(endpoint: Endpoint, status: str, node: Node | None) -> Contents:
    """Return what answers of *status* hold: *node* if of the media type that leads, ``""`` for any but the normal."""
    main = media_type(endpoint.response_media) if status == str(endpoint.status) else ""
    further = {media_type(media): each for media, each in endpoint.response_types.get(status, {}).items()}
    return {main: node, **further}


def _bodies(endpoint: Endpoint) -> Contents:
    return {media_type(media): endpoint.body_types.get(media, endpoint.body) for media in endpoint.body_media}


def _pairs(old: Contents, new: Contents, main: TypePair) -> tuple[TypePair, ...]:
    shared = [media for media in old if media in new]
    found = tuple(_distinct(main, (TypePair(old[media], new[media], media) for media in shared)))
    return found or (main,)


def _distinct(main: TypePair, pairs: Iterator[TypePair]) -> Iterator[TypePair]:
    """Yield each of *pairs* once, the *main* one first, if it is among them."""
    known = {_written(pair): pair for pair in reversed(list(pairs))}
    if known.pop(_written(main), None) is not None:
        yield main
    yield from reversed(known.values())


def _written(pair: TypePair) -> bytes:
    return msgspec.json.encode((pair.old, pair.new))
