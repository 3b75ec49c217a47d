"""Authorities, and certificates that they sign, for tests of TLS."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "Identity"]


@final
class Identity:
    """A certificate and its key, as PEM files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate = str(certificate)
        self.key = str(key)


@final
class Authority:
    """Signs certificates; *file* is its own, which whoever believes it names.

    Args:
        folder: Where all files are written.
        name: What they begin with.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(name)
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        self._certificate = (
            _builder(subject, subject, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        path = folder / f"{name}.pem"
        path.write_bytes(self._certificate.public_bytes(Encoding.PEM))
        self.file = str(path)

    def server(self, *names: str) -> Identity:
        """Return the identity of a server that is called by *names*: hosts or addresses."""
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        return self._signed("server", ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def client(self, password: bytes | None = None) -> Identity:
        """Return the identity of a client, its key encrypted if there is a *password*."""
        alternatives = x509.SubjectAlternativeName([x509.DNSName("client")])
        return self._signed("client", ExtendedKeyUsageOID.CLIENT_AUTH, alternatives, password)

    def _signed(
        self, what: str, purpose: x509.ObjectIdentifier, alternatives: x509.SubjectAlternativeName,
        password: bytes | None = None,
    ) -> Identity:  # fmt: skip
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(_named(what), self._certificate.subject, key.public_key())
            .add_extension(alternatives, critical=False)
            .add_extension(issuer, critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        at, of_key = self._folder / f"{self._name}-{what}.pem", self._folder / f"{self._name}-{what}-key.pem"
        at.write_bytes(certificate.public_bytes(Encoding.PEM))
        kept: KeySerializationEncryption = NoEncryption() if password is None else BestAvailableEncryption(password)
        of_key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept))
        return Identity(at, of_key)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
