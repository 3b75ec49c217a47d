"""Keys and tokens for tests; signed with cryptography itself, so that what verifies them has another origin."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from perdure.clock import FakeClock

ISSUER = "https://id.example"
AUDIENCE = "shop"
NOW_S = int(FakeClock().time())
SECRET = "correct horse battery staple, twice as long as a hash of 512 bits needs it"

ALGORITHMS = (
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519", "Ed448",
)  # fmt: skip

Sign = Callable[[bytes], bytes]


@cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """Return an RSA key; of one *number* always the same."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


_CURVES: Mapping[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


@cache
def private_key(algorithm: str, number: int = 0) -> Any:
    """Return a key for *algorithm*, not HS*; of one *number* always the same."""
    if algorithm[:2] in {"RS", "PS"}:
        return rsa_key(number=number)
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm])
    return ed448.Ed448PrivateKey.generate() if algorithm == "Ed448" else ed25519.Ed25519PrivateKey.generate()


def public_pem(key: Any) -> bytes:
    """Return the public half of *key* as PEM."""
    return bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def number_text(number: int, size: int | None = None) -> str:
    return encode(number.to_bytes(size or (number.bit_length() + 7) // 8))


def jwk(key: Any, **more: object) -> dict[str, object]:
    """Return the public half of *key* as JSON Web Key."""
    numbers: Any
    match key:
        case rsa.RSAPrivateKey():
            numbers = key.public_key().public_numbers()
            return {"kty": "RSA", "n": number_text(numbers.n), "e": number_text(numbers.e), **more}
        case ec.EllipticCurvePrivateKey():
            numbers = key.public_key().public_numbers()
            size = (key.curve.key_size + 7) // 8
            curve = {256: "P-256", 384: "P-384", 521: "P-521"}[key.curve.key_size]
            return {"kty": "EC", "crv": curve, "x": number_text(numbers.x, size), "y": number_text(numbers.y, size),
                    **more}  # fmt: skip
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    curve = "Ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "Ed448"
    return {"kty": "OKP", "crv": curve, "x": encode(raw), **more}


def key_set(*keys: dict[str, object]) -> bytes:
    """Return a JSON Web Key Set."""
    return json.dumps({"keys": keys}).encode()


def signer(algorithm: str, key: Any = None) -> Sign:
    """Return what signs as *algorithm*; *key* is a secret for HS*."""
    bits = algorithm[-3:]
    if algorithm.startswith("HS"):
        secret = SECRET.encode() if key is None else key
        return lambda text: hmac.new(secret, text, getattr(hashlib, f"sha{bits}")).digest()
    key = private_key(algorithm) if key is None else key
    if algorithm.startswith("Ed"):
        return lambda text: bytes(key.sign(text))
    digest: Any = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[bits]
    if algorithm.startswith("RS"):
        return lambda text: bytes(key.sign(text, padding.PKCS1v15(), digest))
    if algorithm.startswith("PS"):
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return lambda text: bytes(key.sign(text, pss, digest))

    def sign(text: bytes) -> bytes:
        size = (key.curve.key_size + 7) // 8
        return b"".join(part.to_bytes(size) for part in decode_dss_signature(key.sign(text, ec.ECDSA(digest))))

    return sign


def encode(raw: bytes) -> str:
    """Return *raw* as base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return what *text* encodes."""
    return urlsafe_b64decode(text + "==")


def compose(header: bytes | Mapping[str, object], claims: bytes | Mapping[str, object], sign: Sign) -> str:
    """Return a token; what is given as bytes stands in it as it is."""
    parts = [encode(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)]
    text = ".".join(parts)
    return f"{text}.{encode(sign(text.encode()))}"


def good_claims(**more: object) -> dict[str, object]:
    """Return claims of a token that is good now; those in *more* that are None are left out."""
    claims: dict[str, object] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOW_S + 600, "iat": NOW_S, "roles": ["clerk"],
        "scope": "orders:read orders:write", **more,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def token(algorithm: str = "ES256", key: Any = None, *, header: Mapping[str, object] | None = None,
          **claims: Any) -> str:  # fmt: skip
    """Return a good token, but for what is said otherwise."""
    head = {"alg": algorithm, "typ": "JWT", **(header or {})}
    return compose({name: value for name, value in head.items() if value is not None}, good_claims(**claims),
                   signer(algorithm, key))  # fmt: skip
