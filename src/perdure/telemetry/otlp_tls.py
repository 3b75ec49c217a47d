"""TLS to a collector: whom we believe, and who we say we are. The same for both transports.

All files are tried here before gRPC gets them: of a key without a certificate it ends the whole process, and of one
that it cannot read it says nothing that helps.
"""

import ssl
from pathlib import Path

from perdure.errors import ConfigError
from perdure.telemetry.otlp_transport import Target

__all__ = ["believed_roots", "pem_of", "tls_context"]


def tls_context(target: Target) -> ssl.SSLContext:
    """Return a context that believes what *target* says, and shows its client certificate, if there is one.

    Raises:
        ConfigError: A file cannot be read or used; the message says which.
    """
    certificate, key = target.client_certificate, target.client_key
    for setting, path in (
        ("certificate", target.certificate),
        ("client_certificate", certificate),
        ("client_key", key),
    ):
        if path is not None:
            pem_of(setting, path)
    try:
        context = ssl.create_default_context(cafile=target.certificate)
    except OSError as error:
        raise ConfigError(f"otlp.certificate {target.certificate} holds no certificates: {_why(error)}") from error
    if certificate is not None:
        _show(context, certificate, key)
    return context


def _show(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    def password() -> str:
        # Without this, OpenSSL would ask for it on the terminal, and the server would wait for an answer.
        raise ConfigError(f"otlp.client_key {key} is encrypted: a server cannot be asked for its password")

    try:
        context.load_cert_chain(certificate, key, password)
    except OSError as error:
        raise ConfigError(
            f"otlp.client_certificate {certificate} and otlp.client_key {key} cannot be used: {_why(error)}"
        ) from error


def pem_of(setting: str, path: str) -> bytes:
    """Return what is in the file *path*, which *setting* names.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"otlp.{setting} {path} cannot be read: {error.strerror}") from error


def believed_roots(context: ssl.SSLContext) -> bytes | None:
    """Return the authorities that *context* believes, as PEM; None where it looks them up one by one."""
    found = [ssl.DER_cert_to_PEM_cert(each) for each in context.get_ca_certs(binary_form=True)]
    return "".join(found).encode() or None


def _why(error: OSError) -> str:
    """Return what OpenSSL found, in words, without where in its code that was."""
    reason = getattr(error, "reason", None)
    return reason.replace("_", " ").lower() if isinstance(reason, str) else "this is not PEM"
