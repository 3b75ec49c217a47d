"""How far a stream has come, in a small file beside it that is replaced at every checkpoint.

The checkpoints in the lines alone would not do: whoever cuts the end off, and lets the file stop at an older
checkpoint, would leave a log in perfect order. A head is signed for a purpose of its own, so that none can be made of
a checkpoint; older ones are on no disk.
"""

import errno
import os
from pathlib import Path
from typing import Final, final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from perdure.audit.keys import Signer, Verifier

__all__ = ["Head", "head_fault", "read_head", "signed_head", "write_head"]

_PURPOSE: Final = b"head 1"
_SIGNATURE: Final = b',"signature":"'


@final
class Head(Struct, frozen=True, kw_only=True):
    """The last checkpoint of a stream."""

    at: float
    stream: str
    file: int
    """Number of the file it is in."""
    offset: int
    """Where it ends there, in bytes."""
    lines: int
    """Lines of the stream up to it, itself included."""
    head: str
    """Its hash."""
    closes: bool
    key: str
    signature: str | UnsetType = UNSET


def signed_head(head: Head, signer: Signer) -> bytes:
    """Return *head*, signed, as it is written."""
    body = msgspec.json.encode(head)[:-1]
    return body + _SIGNATURE + signer.sign(_PURPOSE, body).encode() + b'"}\n'


def head_fault(raw: bytes, verifier: Verifier) -> str | None:
    """Return what is wrong with the head that was read as *raw*; None for nothing."""
    body, _, _ = raw.partition(_SIGNATURE)
    try:
        head = msgspec.json.decode(raw, type=Head)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "it is no head"
    if not isinstance(head.signature, str) or msgspec.json.encode(head) + b"\n" != raw:
        return "it is not as it was written"
    return verifier.fault(head.key, _PURPOSE, body, head.signature)


def write_head(path: Path, written: bytes, *, syncs: bool) -> None:
    """Replace what is at *path*, all at once.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_suffix(".head.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        if os.write(descriptor, written) < len(written):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(draft))
        if syncs:
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)


def read_head(path: Path) -> tuple[bytes, Head | None]:
    """Return what is at *path*, and the head it is, if it is one; nothing where there is nothing.

    Raises:
        OSError: It is there and cannot be read.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return b"", None
    try:
        return raw, msgspec.json.decode(raw, type=Head)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return raw, None
