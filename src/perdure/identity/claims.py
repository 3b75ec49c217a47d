"""What a token, or who vouches for it, says of a client.

Source: RFC 7519 4.1, RFC 7662 2.2, RFC 9068.
"""

from collections.abc import Collection, Mapping
from math import inf
from typing import Final, cast

from perdure.config import freeze
from perdure.context.principal import Principal
from perdure.errors import UnauthenticatedError

__all__ = ["check_audience", "expiry_of", "names_of", "principal_of"]

_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999: nobody means a later one."""
_NAME_LIMIT: Final = 512


def expiry_of(claims: Mapping[str, object], now_s: float, leeway_s: float) -> float:
    """Return when *claims* end, *leeway_s* included, in Unix seconds; infinite without ``exp``.

    Raises:
        UnauthenticatedError: They have ended, have not begun (``nbf``), are from the future (``iat``), or one of these
            is no number of seconds.
    """
    expires_s, begins_s, issued_s = (_seconds(claims, name) for name in ("exp", "nbf", "iat"))
    if begins_s is not None and begins_s > now_s + leeway_s:
        raise UnauthenticatedError(f"not valid before {begins_s:.0f} (nbf)")
    if issued_s is not None and issued_s > now_s + leeway_s:
        raise UnauthenticatedError(f"issued in the future, at {issued_s:.0f} (iat)")
    if expires_s is None:
        return inf
    if expires_s + leeway_s <= now_s:
        raise UnauthenticatedError(f"expired at {expires_s:.0f} (exp)")
    return expires_s + leeway_s


def _seconds(claims: Mapping[str, object], name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_SECOND:
        raise UnauthenticatedError(f"{name} is no number of seconds since 1970")
    return float(value)


def check_audience(claims: Mapping[str, object], wanted: Collection[str]) -> None:
    """Refuse *claims* whose ``aud``, a text or a list of them, has none of *wanted*.

    Raises:
        UnauthenticatedError: As told.
    """
    value = claims.get("aud")
    audiences = [value] if isinstance(value, str) else value
    if not isinstance(audiences, list) or not all(isinstance(each, str) for each in audiences):
        raise UnauthenticatedError("aud is neither a text nor a list of texts")
    if not any(each in wanted for each in audiences):
        raise UnauthenticatedError(f"meant for {', '.join(audiences)!r:.200} (aud)")


def principal_of(
    claims: Mapping[str, object], scheme: str, expires_at_s: float, roles_claim: str, scopes_claim: str
) -> Principal:
    """Return the client *claims* are of; without ``sub`` it is the program that asks for itself.

    Raises:
        UnauthenticatedError: They name nobody, or roles or scopes have a form of their own.
    """
    client = _name(claims, "client_id") or _name(claims, "azp")
    subject = _name(claims, "sub") or client
    if not subject:
        raise UnauthenticatedError("names nobody (sub, client_id)")
    return Principal(
        subject=subject,
        scheme=scheme,
        client_id=client,
        roles=names_of(claims, roles_claim),
        scopes=names_of(claims, scopes_claim),
        claims=cast(Mapping[str, object], freeze(claims, "claims")),
        expires_at_s=expires_at_s,
    )


def _name(claims: Mapping[str, object], claim: str) -> str:
    if claim not in claims:
        return ""
    value = claims[claim]
    if not isinstance(value, str) or not 0 < len(value) <= _NAME_LIMIT or not value.isprintable():
        raise UnauthenticatedError(f"{claim} is no text of 1 to {_NAME_LIMIT} printable characters")
    return value


def names_of(claims: Mapping[str, object], claim: str) -> frozenset[str]:
    """Return the names in *claim*: a list of texts, or one text with spaces between; none where it is absent or null.

    Args:
        claim: The name of the claim; if there is none of this name, its parts at the dots lead into objects.
    Raises:
        UnauthenticatedError: It is something else.
    """
    value: object = claims.get(claim)
    if value is None:
        value = claims
        for part in claim.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return frozenset()
    names = value.split() if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UnauthenticatedError(f"{claim} is neither a text nor a list of texts")
    return frozenset(names)
