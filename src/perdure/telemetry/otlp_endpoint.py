"""Where a collector is, as variables and settings say it.

Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp, and "Endpoint
(OTLP/gRPC)"; https://github.com/grpc/grpc/blob/master/doc/naming.md.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Final, final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

__all__ = ["Endpoint", "grpc_endpoint", "http_endpoint", "shown"]

_NAMES: Final = ("dns:", "unix:", "unix-abstract:", "ipv4:", "ipv6:", "vsock:", "xds:")
"""What names of gRPC's own begin with."""


@final
class Endpoint(Struct, frozen=True):
    """A collector."""

    url: str
    """Without user and password."""
    is_secure: bool
    """With TLS."""
    headers: Mapping[str, str]
    """Those that say who we are, if the URL did."""


def http_endpoint(text: str) -> Endpoint | None:
    """Return the endpoint that the URL *text* names; None where it is none."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # reading it is what fails where it is no number
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    shows = b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    headers = {"authorization": f"Basic {shows}"} if at else {}
    return Endpoint(parts._replace(netloc=host).geturl(), parts.scheme == "https", headers)


def grpc_endpoint(text: str, *, is_insecure: bool) -> Endpoint | None:
    """Return the endpoint that *text* names: a URL, a host and port, or a name of gRPC's; None where it is none.

    Args:
        is_insecure: Of what does not say so itself, whether it is spoken to without TLS.
    """
    if text.startswith(_NAMES):
        return Endpoint(text, not is_insecure, {})
    return http_endpoint(text if "://" in text else f"{'http' if is_insecure else 'https'}://{text}")


def shown(url: str) -> str:
    """Return *url* for people: without what may be a secret in it."""
    scheme, separator, rest = url.partition("?")[0].rpartition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{separator}{place.rpartition('@')[2]}{slash}{path}"
