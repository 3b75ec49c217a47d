"""The certificate a server presents, looked at before anything is started."""

import ssl
from pathlib import Path

from perdure.errors import ConfigError

__all__ = ["check_certificate"]


def check_certificate(cert: Path, key: Path) -> None:
    """Return if *cert* and *key* can be used together.

    Raises:
        ConfigError: One of them is no PEM file, is encrypted, or they do not belong together.
    """

    def refuse_password() -> str:
        raise ConfigError(f"{key} is encrypted; decrypt it first, a server has nobody to ask")

    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key, refuse_password)
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise ConfigError(f"{cert} and {key} cannot be used for TLS: {reason}") from error
