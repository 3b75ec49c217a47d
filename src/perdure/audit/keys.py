"""The key that signs the audit log, and how its signatures are checked.

Source: RFC 8032 (Ed25519); RFC 8410 (its keys in PEM).
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from perdure.errors import AuditError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["PRIVATE_FILE", "PUBLIC_FILE", "Signer", "Verifier", "load_signer", "make_signer", "read_public_keys"]

PRIVATE_FILE: Final = "signing.key"
PUBLIC_FILE: Final = "signing.pub"
_NAME_DIGITS: Final = 16
_PEM_END: Final = b"-----END PUBLIC KEY-----"


@final
class Signer:
    """Signs; one key.

    Args:
        key: The private key.
    """

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = key
        public = key.public_key()
        self.public_pem: Final = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        """The public key."""
        self.name: Final = _name_of(public)
        """Of the key; see `Checkpoint.key`."""

    def sign(self, purpose: bytes, content: bytes) -> str:
        """Return the signature of *content*, in Base64; one for another *purpose* does not pass for it."""
        return b64encode(self._key.sign(_signed(purpose, content))).decode()


@final
class Verifier:
    """Checks signatures.

    Args:
        keys: Public keys, by name.
    """

    def __init__(self, keys: "Mapping[str, Ed25519PublicKey]") -> None:
        self._keys = dict(keys)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the keys that are trusted."""
        return tuple(self._keys)

    def fault(self, key: str, purpose: bytes, content: bytes, signature: str) -> str | None:
        """Return what is wrong with *signature*; None for nothing."""
        from cryptography.exceptions import InvalidSignature

        public = self._keys.get(key)
        if public is None:
            return f"it is signed with the key {key[:_NAME_DIGITS]!r}, which is not trusted here"
        try:
            raw = b64decode(signature, validate=True)
            public.verify(raw, _signed(purpose, content))
        except (InvalidSignature, ValueError):
            return "its signature is wrong"
        return None if b64encode(raw).decode() == signature else "its signature is not as it was written"


def load_signer(pem: bytes, where: str) -> Signer:
    """Return who signs with the private key *pem*.

    Raises:
        AuditError: It is no Ed25519 key, or ``cryptography`` is not installed; the message names *where* it is.
    """
    require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditError(f"{where} is no private key for the audit log; make one by openssl genpkey -algorithm ed25519")
    return Signer(key)


def make_signer(file: Path) -> Signer:
    """Return who signs with the key in *file*, which is made, readable by its owner alone, where there is none.

    Raises:
        AuditError: It is no key.
        OSError: It cannot be read or written.
    """
    require_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if not file.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(pem)
                os.fsync(opened.fileno())
            os.link(draft, file)  # of several processes that begin at once, one makes it
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return load_signer(file.read_bytes(), str(file))


def read_public_keys(files: Iterable[Path]) -> Verifier:
    """Return who checks with the public keys in *files*; each may hold several.

    Raises:
        AuditError: One cannot be read, or holds none.
    """
    require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    found: dict[str, Ed25519PublicKey] = {}
    for file in files:
        try:
            blocks = [part + _PEM_END for part in file.read_bytes().split(_PEM_END)[:-1]]
            keys = [load_pem_public_key(block) for block in blocks]
        except OSError as error:
            raise AuditError(f"the public key {file} cannot be read: {error.strerror}") from error
        except (ValueError, UnsupportedAlgorithm):
            keys = []
        good = [key for key in keys if isinstance(key, Ed25519PublicKey)]
        if not good:
            raise AuditError(f"{file} holds no public key as `perdure audit key` prints it")
        found |= {_name_of(key): key for key in good}
    return Verifier(found)


def require_cryptography() -> None:
    """Refuse to go on without ``cryptography``.

    Raises:
        AuditError: It is not installed.
    """
    try:
        import cryptography  # noqa: F401 - whether it is there is the question
    except ImportError as error:
        raise AuditError("the audit log is signed, which needs cryptography: pip install 'perdure[audit]'") from error


def _name_of(key: "Ed25519PublicKey") -> str:
    return sha256(key.public_bytes_raw()).hexdigest()[:_NAME_DIGITS]


def _signed(purpose: bytes, content: bytes) -> bytes:
    """Return the bytes that are signed: what is meant for one purpose never reads like another."""
    return b"perdure audit " + purpose + b"\n" + content
