"""How parts of a request and media types are called in HTTP, and in an `Endpoint`."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["PLACES", "choose_media", "header_member", "header_name"]

PLACES: Final = {"path": "params", "query": "query", "header": "headers", "cookie": "cookies"}
"""Where a parameter is, and the part of an `Endpoint` that holds those that are there."""

_JSON: Final = re.compile(r"(?:application|text)/(?:[^;]*\+)?json(?:\s*;.*)?", re.IGNORECASE)


def choose_media(media: Iterable[str]) -> str | None:
    """Return the media type that gives the type: ``application/json``, else the first like it, else the first."""
    given = list(media)
    if "application/json" in given:
        return "application/json"
    return next((each for each in given if _JSON.fullmatch(each)), given[0] if given else None)


def header_name(member: str) -> str:
    """Return the header field that the member of a header type stands for: ``x-tenant`` for ``x_tenant``."""
    return member.replace("_", "-").lower()


def header_member(name: str) -> str:
    """Return the member of a header type that a header field is: ``x_tenant`` for ``X-Tenant``."""
    return name.replace("-", "_").lower()
