"""What an API key looks like: ``pdk_4h7k2m9x_<43 characters><6 characters>``.

- ``pdk_`` lets secret scanners find keys in places where none belongs: ``pdk_[0-9a-z]{8}_[0-9A-Za-z]{49}``.
- The id is public. It names the key in lists and logs, and says which hash a key is to be compared with.
- 43 digits to the base 62 are 256 random bits.
- The last 6 are the CRC-32 of all that stands before, so that a key with a typo is told apart without asking anybody.

Only the SHA-256 of the whole is kept. A slow hash (bcrypt, Argon2) makes guessing expensive where people choose
passwords; nobody guesses 256 random bits, however fast the hash is, and each request would pay for it.

Source: GitHub's "Behind GitHub's new authentication token formats"; OWASP's "Password Storage Cheat Sheet".
"""

import hashlib
import os
import re
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple, final

from perdure.context.secret import Secret

__all__ = ["NewKey", "digest_of", "id_of", "new_key"]

_ID_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Without i, l, o and u, which are misread or make words."""
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_DIGITS: Final = 8
_SECRET_BYTES: Final = 32
_SECRET_DIGITS: Final = 43
_CHECK_DIGITS: Final = 6
_FORM: Final = re.compile(r"(pdk_([0-9a-z]{8})_[0-9A-Za-z]{43})([0-9A-Za-z]{6})")


@final
class NewKey(NamedTuple):
    """A key that was just drawn."""

    id: str
    text: Secret
    """The key itself: shown once, and forgotten."""
    digest: str
    """SHA-256 of it, as 64 hexadecimal digits: what is kept."""


def new_key(entropy: Callable[[int], bytes] = os.urandom) -> NewKey:
    """Draw a key.

    Args:
        entropy: Returns that many random bytes, fit for cryptography.
    """
    key_id = _digits(int.from_bytes(entropy(_ID_DIGITS * 5 // 8)), _ID_ALPHABET, _ID_DIGITS)
    secret = _digits(int.from_bytes(entropy(_SECRET_BYTES)), _ALPHABET, _SECRET_DIGITS)
    begun = f"pdk_{key_id}_{secret}"
    text = begun + _checksum(begun)
    return NewKey(key_id, Secret(text), digest_of(text).hex())


def id_of(text: str) -> str:
    """Return the id that stands in the key *text*, which nobody need have made.

    Raises:
        ValueError: It is no key, or has a typo; the message quotes nothing of it.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("it is no API key")
    begun, key_id, checksum = found.groups()
    if checksum != _checksum(begun):
        raise ValueError("the API key has a typo: its checksum is wrong")
    return key_id


def digest_of(text: str) -> bytes:
    """Return the SHA-256 of *text*, whatever it is: 32 bytes."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _checksum(text: str) -> str:
    return _digits(zlib.crc32(text.encode()), _ALPHABET, _CHECK_DIGITS)


def _digits(number: int, alphabet: str, count: int) -> str:
    """Return the last *count* digits of *number* to the base of the length of *alphabet*."""
    digits = []
    for _ in range(count):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits))
