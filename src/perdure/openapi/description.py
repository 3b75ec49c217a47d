"""What a document says besides the `Api`: names and texts, which change nothing for a program."""

from collections.abc import Mapping
from typing import final

from msgspec import Struct

__all__ = ["Description", "OperationText"]


@final
class OperationText(Struct, frozen=True, kw_only=True):
    """What is said of one endpoint."""

    summary: str = ""
    """A line."""
    description: str = ""
    """Paragraphs, in CommonMark."""
    tags: tuple[str, ...] = ()
    """What it is listed under."""


@final
class Description(Struct, frozen=True, kw_only=True):
    """What is said of an API at one version."""

    title: str
    version: str
    """What this version is called."""
    description: str = ""
    """Paragraphs, in CommonMark."""
    servers: tuple[str, ...] = ()
    """URLs below which the paths lie; without any, that is the root of where the document is."""
    version_header: str | None = "API-Version"
    """The header by which a client names its version; None where there is none."""
    version_name: str = ""
    """What to send in it for this version; `version` where it is empty."""
    operations: Mapping[str, OperationText] = {}
    """By the key of the endpoint."""
    security: Mapping[str, Mapping[str, object]] = {}
    """Security Scheme Objects, by the names that endpoints use."""
