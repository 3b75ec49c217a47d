"""The credentials that are shown to servers: JSON Web Tokens, signed here."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode

__all__ = ["TOKEN", "TOKEN_KEY", "token_of"]

TOKEN_KEY = "a key for this machine's benchmark alone, and nothing else"
"""The server finds it in its environment."""


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _sign(claims: dict[str, object]) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = ".".join(_encode(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_encode(hmac.digest(TOKEN_KEY.encode(), signed.encode(), hashlib.sha256))}"


def token_of(subject: str) -> str:
    """Return the token of *subject*."""
    who = {"iss": "https://bench.example", "aud": "bench", "sub": subject}
    return _sign({**who, "roles": ["clerk", "reader"], "exp": 4_102_444_800})


TOKEN = token_of("wrk")
