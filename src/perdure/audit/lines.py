"""How a line of the audit log looks, and what chains it to the line before.

A line is a JSON object whose last member is ``hash``. Its value is the SHA-256, in hexadecimal, of the end of the line
before, from the comma in front of ``hash`` on, followed by the line up to that comma: bytes that lie side by side in
the file. The first line of a file takes the hash it follows from its member ``previous``.

Of the standard library's hashes this one is the quickest for lines of half a kilobyte, where the processor has
instructions for it: a third of the time of BLAKE2b.

Source: SPEC 3.11. The chain is that of Schneier and Kelsey, "Secure Audit Logs to Support Computer Forensics" (1999).
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

__all__ = ["FIRST", "HASH", "TAIL_BYTES", "chain", "hash_of", "tail_of"]

HASH: Final = b',"hash":"'
"""What the end of a line begins with."""
_END: Final = b'"}\n'
_DIGITS: Final = 64
TAIL_BYTES: Final = len(HASH) + _DIGITS + len(_END)
"""Length of the end of a line, its line break included."""
FIRST: Final = "0" * _DIGITS
"""The hash that the first line of a stream follows."""


def tail_of(digest: str) -> bytes:
    """Return the end of the line whose hash is *digest*."""
    return HASH + digest.encode() + _END


def hash_of(tail: bytes) -> str:
    """Return the hash in the end of a line; what is none, where somebody changed it, is one that nothing follows."""
    return tail[len(HASH) : len(HASH) + _DIGITS].decode("ascii", "replace")


def chain(tail: bytes, bodies: Iterable[bytes]) -> list[bytes]:
    """Return what to write for *bodies*: each, followed by its end; the last is the `tail` of what comes next.

    Args:
        tail: The end of the line before.
        bodies: JSON objects without their closing brace.
    """
    written: list[bytes] = []
    for body in bodies:
        tail = HASH + sha256(tail + body).hexdigest().encode() + _END
        written.append(body)
        written.append(tail)
    return written
