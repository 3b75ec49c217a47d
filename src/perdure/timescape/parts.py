"""What a transformer of a whole request or answer is given.

Both are filled with *fresh* JSON-compatible builtins (dict, list, str, int, float, bool, None): transformers and the
planned chains change them in place, so nothing a handler still holds may be in them.
"""

from typing import final

from msgspec import Struct

__all__ = ["RequestParts", "ResponseParts"]


@final
class RequestParts(Struct, kw_only=True):
    """A request, between two versions. Members are named, and their values typed, as in the version it has reached.

    Path, query and header values are what their types say (an ``int`` parameter is an int, a repeated query value a
    list), where a type is declared, and text otherwise (a list of texts where a name was sent several times).
    """

    path: dict[str, object] = {}
    """Path parameters by name."""
    query: dict[str, object] = {}
    headers: dict[str, object] = {}
    """By lower-case name."""
    body: object = None
    """None too where there is no body."""


@final
class ResponseParts(Struct, kw_only=True):
    """An answer, between two versions."""

    status: int = 200
    """What is sent: 204 for an answer without a body."""
    headers: dict[str, str] = {}
    """By lower-case name; several of one name are joined with a comma. Of several cookies only the last is here, and
    setting ``set-cookie`` replaces only that."""
    body: object = None
    """None too where there is no body, or where it is no data: a text, a file, a redirect, a stream. One that is set
    takes its place."""
