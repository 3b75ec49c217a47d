"""The credentials the guarded server is asked with: a JSON Web Token, signed here."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode

__all__ = ["TOKEN", "TOKEN_KEY"]

TOKEN_KEY = "a key for this machine's benchmark alone, and nothing else"
"""The server finds it in its environment."""


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _sign(claims: dict[str, object]) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = ".".join(_encode(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_encode(hmac.digest(TOKEN_KEY.encode(), signed.encode(), hashlib.sha256))}"


TOKEN = _sign(
    {"iss": "https://bench.example", "aud": "bench", "sub": "wrk", "roles": ["clerk", "reader"], "exp": 4_102_444_800}
)
