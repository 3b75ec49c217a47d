"""Keys read from what they are written in, and checked before any token is.

Every key is bound here to the algorithms it fits, among those that are allowed: a token's ``alg`` chooses among these
and nothing else. Symmetric keys come from the Secrets Manager alone, so no published key can become an HMAC secret.

Source: RFC 7517, RFC 7518, RFC 8037, RFC 8725.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from perdure.errors import MalformedValueError
from perdure.identity.json_objects import read_object
from perdure.identity.jws import decode_base64url, is_key_id
from perdure.identity.keys import KeySet, VerificationKey

__all__ = ["KeyRefusedError", "read_jwk", "read_key_set", "read_pem", "read_secret_key"]

_log = logging.getLogger("perdure.identity")

_RSA_BITS: Final = range(2048, 16385)
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_READ: Final[Mapping[str, tuple[str, ...]]] = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
"""What of each type of key is read, beside what says what it is for."""
_PURPOSE: Final = ("kty", "use", "key_ops", "alg", "kid")


class KeyRefusedError(ValueError):
    """A key cannot be used; the message says why, and shows nothing of it."""


def read_secret_key(secret: str, algorithms: Sequence[str]) -> VerificationKey:
    """Return the key that *secret* is: its UTF-8 bytes.

    Args:
        algorithms: Allowed ones, all HS*.
    Raises:
        KeyRefusedError: It is shorter than the hash of one of *algorithms*, or is a public key.
    """
    raw = secret.encode()
    needed = max(int(name.removeprefix("HS")) // 8 for name in algorithms)
    if len(raw) < needed:
        raise KeyRefusedError(f"the secret is {len(raw)} bytes long; {', '.join(algorithms)} needs at least {needed}")
    if "-----BEGIN " in secret or secret.startswith(("ssh-", "ecdsa-")):
        raise KeyRefusedError("the secret is a key of two halves, which anybody may know one of; make it random")
    try:
        return _bound(OctKey.import_key(raw), algorithms)
    except ValueError as error:
        raise KeyRefusedError(str(error)) from None


def read_pem(raw: bytes, algorithms: Sequence[str]) -> VerificationKey:
    """Return the one public key in the PEM text *raw*.

    Raises:
        KeyRefusedError: There is none or more than one, it is private, too short, or fits none of *algorithms*.
    """
    if b"PRIVATE KEY" in raw:
        raise KeyRefusedError("there is a private key; only who signs needs it: openssl pkey -pubout")
    if raw.count(b"-----BEGIN ") != 1 or b"PUBLIC KEY-----" not in raw:
        raise KeyRefusedError("there is to be one PEM block, -----BEGIN PUBLIC KEY-----")
    try:
        native = load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefusedError("its PEM block cannot be read") from None
    match native:
        case RSAPublicKey():
            _check_bits(native.key_size)
            return _bound(RSAKey.import_key(native), algorithms)
        case EllipticCurvePublicKey():
            return _bound(ECKey.import_key(native), algorithms)
        case Ed25519PublicKey() | Ed448PublicKey():
            return _bound(OKPKey.import_key(native), algorithms)
    raise KeyRefusedError("its kind of key signs no tokens")


def read_jwk(data: object, algorithms: Sequence[str]) -> VerificationKey:
    """Return the public key the JSON Web Key *data* describes.

    Raises:
        KeyRefusedError: It is none, private, symmetric, too short, for something else, or fits none of *algorithms*.
    """
    if not isinstance(data, dict):
        raise KeyRefusedError("no JSON object")
    members = _READ.get(data["kty"]) if isinstance(data.get("kty"), str) else None
    if members is None:
        raise KeyRefusedError(f"kty is {data.get('kty')!r:.20}, not RSA, EC or OKP")
    if not all(isinstance(data.get(name), str) for name in members):
        raise KeyRefusedError(f"not every one of {', '.join(members)} is a text")
    if any(name in data for name in _PRIVATE):
        raise KeyRefusedError("it is private; only who signs needs it")
    if "kid" in data and not is_key_id(data["kid"]):
        raise KeyRefusedError("kid is no short printable text")
    if data.get("use", "sig") != "sig" or "verify" not in _operations(data):
        raise KeyRefusedError("it is not for verifying signatures (use, key_ops)")
    try:
        if data["kty"] == "RSA":
            _check_bits(int.from_bytes(decode_base64url(data["n"])).bit_length())
        return _bound(_import({name: data[name] for name in (*_PURPOSE, *members) if name in data}), algorithms)
    except KeyRefusedError:
        raise
    except (JoseError, ValueError, TypeError, KeyError, ArithmeticError, UnsupportedAlgorithm) as error:
        raise KeyRefusedError(f"it cannot be read: {type(error).__name__}") from None


def _operations(data: Mapping[str, object]) -> Sequence[object]:
    value = data.get("key_ops", ["verify"])
    return value if isinstance(value, list) else ()


def _import(data: dict[str, object]) -> Key:
    kinds: Mapping[object, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    return kinds[data["kty"]].import_key(cast(dict[str, str | list[str]], data))


def read_key_set(raw: bytes, algorithms: Sequence[str], where: str) -> KeySet:
    """Return the keys of the JSON Web Key Set *raw* that can be used; each other one is logged.

    Args:
        where: Where it is from, for messages.
    Raises:
        KeyRefusedError: It is none, or has no key that can be used.
    """
    try:
        entries = read_object(raw).get("keys")
    except MalformedValueError as error:
        raise KeyRefusedError(f"{where} is no JSON Web Key Set: {error}") from None
    if not isinstance(entries, list):
        raise KeyRefusedError(f'{where} is no JSON Web Key Set: it has no list "keys"')
    keys, reasons = [], []
    for index, entry in enumerate(entries):
        try:
            keys.append(read_jwk(entry, algorithms))
        except KeyRefusedError as error:
            reasons.append(f"key {index}: {error}")
    if not keys:
        raise KeyRefusedError(f"{where} has no key that can be used: {'; '.join(reasons)[:500] or 'it is empty'}")
    if reasons:
        _log.warning("%s: not used: %s", where, "; ".join(reasons)[:500])
    return KeySet(keys, is_named=True)


def _check_bits(bits: int) -> None:
    if bits not in _RSA_BITS:
        raise KeyRefusedError(f"an RSA key of {bits} bits; it is to have {_RSA_BITS.start} to {_RSA_BITS.stop - 1}")


def _bound(key: Key, algorithms: Sequence[str]) -> VerificationKey:
    fitting = frozenset(name for name in algorithms if _fits(key, name))
    if not fitting:
        named = f" for {key.alg}" if key.alg else ""
        raise KeyRefusedError(f"a key of type {key.key_type}{named}, which none of {', '.join(algorithms)} is for")
    return VerificationKey(key, fitting, key.kid)


def _fits(key: Key, algorithm: str) -> bool:
    try:
        JWSRegistry.algorithms[algorithm].check_key(key)
        key.check_key_op("verify")
    except JoseError:
        return False
    # The library checks the curve for all names but this one, which stands for two.
    return algorithm != "EdDSA" or (isinstance(key, OKPKey) and key.curve_name in {"Ed25519", "Ed448"})
