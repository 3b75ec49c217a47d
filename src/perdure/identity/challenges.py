"""What ``WWW-Authenticate`` says.

Source: RFC 9110 11.6.1, RFC 6750 3.
"""

from typing import Literal

__all__ = ["BearerFault", "bearer_challenge", "quoted"]

BearerFault = Literal["invalid_token", "insufficient_scope"]
"""What is wrong with a bearer token: it is none, or it does not reach."""


def bearer_challenge(realm: str, error: BearerFault | None = None, scope: str | None = None) -> str:
    """Return the challenge of bearer tokens: ``Bearer realm="shop", error="insufficient_scope", scope="orders"``.

    Args:
        realm: Names what is protected, for people.
        error: None where the request had no credentials: then nothing was wrong with them.
        scope: The scopes that would be enough, with spaces between.
    """
    parts = [f"realm={quoted(realm)}"]
    if error is not None:
        parts.append(f"error={quoted(error)}")
    if scope is not None:
        parts.append(f"scope={quoted(scope)}")
    return f"Bearer {', '.join(parts)}"


def quoted(text: str) -> str:
    """Return *text* as a quoted string of a header; what a header cannot carry becomes ``?``."""
    sendable = "".join(char if " " <= char <= "~" else "?" for char in text)
    escaped = sendable.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
