"""Signed tokens taken apart, strictly; nothing is believed yet.

joserfc parses leniently enough that a token could be written in several ways, so what it is given was parsed here.

Source: RFC 7515 (compact serialization), RFC 7519, RFC 8725.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from typing import Final, final

from msgspec import Struct

from perdure.errors import MalformedValueError, UnauthenticatedError
from perdure.identity.json_objects import read_object

__all__ = ["SignedToken", "check_header", "decode_base64url", "is_key_id", "parse_token"]

_KEY_ID_LIMIT: Final = 256
_TYPE_PREFIX: Final = "application/"
_REFUSED: Final[Mapping[str, str]] = {
    "crit": "asks for extensions, and none is understood",
    "b64": "has a payload that is not encoded",
    "enc": "is encrypted",
    "zip": "is compressed",
    "jwk": "brings its own key",
    "x5c": "brings its own key",
    "jku": "says where its key is",
    "x5u": "says where its key is",
}
"""Members of a header with which no token is looked at. ``x5t`` is not one: it is a hint, which is not followed."""


@final
class SignedToken(Struct, frozen=True):
    """A token of three parts, decoded."""

    header: dict[str, object]
    claims: dict[str, object]
    signed: bytes
    """What the signature is of."""
    signature: bytes
    length: int
    """Of the whole token, in characters."""


def parse_token(text: str) -> SignedToken:
    """Return *text* taken apart.

    Raises:
        UnauthenticatedError: It is no JWS in compact form with a JSON object as payload.
    """
    parts = text.split(".")
    if len(parts) != 3:
        raise UnauthenticatedError(f"the token has {len(parts)} parts, not 3")
    try:
        header, claims = read_object(decode_base64url(parts[0])), read_object(decode_base64url(parts[1]))
        signature = decode_base64url(parts[2])
    except (ValueError, MalformedValueError) as error:
        raise UnauthenticatedError(f"the token is malformed: {error}") from None
    signed = text[: text.rindex(".")].encode("ascii")
    return SignedToken(header, claims, signed, signature, len(text))


def decode_base64url(text: str) -> bytes:
    """Return what *text* encodes, by the one way in which it can be encoded.

    Raises:
        ValueError: It is no base64url without padding, or has bits that mean nothing.
    """
    raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)) if text.isascii() else b""
    if urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != text:
        raise ValueError("no base64url in its one form")
    return raw


def is_key_id(value: object) -> bool:
    """Return whether *value* may name a key: a short text that can be printed. It is looked up, never interpreted."""
    return isinstance(value, str) and 0 < len(value) <= _KEY_ID_LIMIT and value.isprintable()


def check_header(header: Mapping[str, object], types: Collection[str]) -> None:
    """Refuse the *header* of a token that wants something special.

    Args:
        types: What ``typ`` may be, in lower case.
    Raises:
        UnauthenticatedError: As told.
    """
    for name, reason in _REFUSED.items():
        if name in header:
            raise UnauthenticatedError(f"the token {reason} ({name})")
    if "kid" in header and not is_key_id(header["kid"]):
        raise UnauthenticatedError("the token's kid is no short printable text")
    if "typ" in header:
        kind = header["typ"]
        if not isinstance(kind, str) or kind.lower().removeprefix(_TYPE_PREFIX) not in types:
            raise UnauthenticatedError(f"the token's typ is {kind!r:.40}")
    content = header.get("cty", "")
    if not isinstance(content, str) or re.search("jwt", content, re.IGNORECASE):
        raise UnauthenticatedError("the token holds another one (cty)")
