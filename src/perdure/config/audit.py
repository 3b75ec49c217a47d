"""The audit log: where it is kept, how safely, and what goes into it.

Source: SPEC 3.11.
"""

from typing import Literal, final

from msgspec import Struct

from perdure.config.checks import check_positive, check_types
from perdure.config.kinds import FilePath
from perdure.errors import ConfigError

__all__ = ["AuditSettings"]

_SMALLEST_FILE: int = 64 * 1024


@final
class AuditSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The audit log: `Config.audit`. Needs ``pip install 'perdure[audit]'``.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    dir: FilePath | None = None
    """Folder the log is written to; made where there is none. None: there is no audit log."""
    when_full: Literal["drop", "refuse"] = "drop"
    """What happens while the disk is full, gone or too slow, once *buffer_records* or *buffer_bytes* wait: records are
    dropped and counted (``drop``), or requests read 503, so that nothing is done that is not recorded (``refuse``).
    Then half of the buffer is kept for the requests that are in the works."""
    buffer_records: int = 50_000
    """Records that wait in the memory of a process at most; some 0.5 KB each, more where paths are long."""
    buffer_bytes: int = 64 * 1024 * 1024
    """Bytes that they have together at most, give or take 500 records; looked at when more than 4096 wait."""
    flush_s: float = 0.2
    """How often what waits is written: what a killed process loses at most. Sooner when there is much."""
    fsync: Literal["never", "checkpoint", "flush"] = "checkpoint"
    """When a file is written through to the disk: what a machine that loses power loses. With ``never``, such a loss
    reads like tampering."""
    checkpoint_s: float = 5.0
    """How often what was written is signed, if anything was. Of what is not signed yet, a process that was killed
    cannot prove that nothing was taken away."""
    rotate_bytes: int = 256 * 1024 * 1024
    """Size at which a new file is begun; at least 64 KiB."""
    rotate_s: float | None = 86_400.0
    """Age at which it is; None: only by size."""
    keep_s: float | None = None
    """Age at which files are deleted, counted from their last record, up to two *rotate_s* later; the log says that
    they were. None: never."""
    key: FilePath | None = None
    """File with the private key checkpoints are signed with: Ed25519, PEM, PKCS #8. None: ``signing.key`` in *dir*,
    made where there is none."""
    key_secret: str | None = None
    """Name of the secret that is this key, in place of a file."""
    exclude: tuple[str, ...] = ()
    """Ids of handlers whose requests are not recorded, unless they are refused."""
    unserved: bool = False
    """Record as well what is answered although it is for no handler: health checks, documents, preflights."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = (
            "buffer_records", "buffer_bytes", "flush_s", "checkpoint_s", "rotate_bytes", "rotate_s", "keep_s",
        )  # fmt: skip
        check_positive(self, positive)
        if self.rotate_bytes < _SMALLEST_FILE:
            raise ConfigError(f"rotate_bytes must be at least {_SMALLEST_FILE}, not {self.rotate_bytes}")
        if self.key is not None and self.key_secret is not None:
            raise ConfigError("key and key_secret both say what to sign with: leave one of the two out")
