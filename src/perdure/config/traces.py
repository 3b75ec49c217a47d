"""What is told about requests to those who collect traces and metrics, and how it gets there.

The variables that OpenTelemetry defines (``OTEL_…``) go before these settings.

Source: SPEC 3.11.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, final
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import force_setattr

from perdure.config.checks import check_positive, check_types, sendable_headers
from perdure.config.kinds import FilePath
from perdure.errors import ConfigError

__all__ = ["OtlpProtocol", "OtlpSettings", "TraceSettings"]

OtlpProtocol = Literal["http/protobuf", "grpc"]
"""How OTLP is spoken."""


@final
class TraceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests are traced, and where the spans go: `Config.traces`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    exporter: Literal["otlp", "console", "none"] | None = None
    """``otlp``: to `Config.otlp`; ``console``: printed, for a look while developing. None: ``otlp`` where there is an
    endpoint, else ``none``."""
    ratio: float = 0.01
    """Part of the traces that begin here which are sampled, from 0 to 1."""
    follow_parent: bool = True
    """A request that comes with a ``traceparent`` is sampled if that says so, and only then. False: by *ratio* all the
    same, as anybody who may call could have each of its requests traced."""
    slow_s: float | None = 1.0
    """Requests that take longer are exported though they were not sampled; None: not for that."""
    unsampled_limit: int = 1000
    """Requests a second that are exported though they were not sampled, as they failed or were slow; of more, none
    are: a flood of errors must not cost more for being traced."""
    error_messages: bool = False
    """Tell what errors say, besides their class; it may hold what nobody else should read."""
    queue_limit: int = 16_384
    """Spans held in memory until they are sent. While it is full, requests are not traced, but counted."""
    batch_limit: int = 4096
    """Spans sent at once, at most."""
    delay_s: float = 5.0
    """How long a span waits for others, at most."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(self, ("slow_s", "unsampled_limit", "queue_limit", "batch_limit", "delay_s"))
        if not 0 <= self.ratio <= 1:
            raise ConfigError(f"ratio must be from 0 to 1, not {self.ratio!r}")


@final
class OtlpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where spans and metrics are sent, by the OpenTelemetry protocol: `Config.otlp`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    endpoint: str | None = None
    """``http://collector:4318``, or ``http://collector:4317`` with *protocol* ``grpc``; ``https`` for TLS. None:
    nothing is sent."""
    protocol: OtlpProtocol = "http/protobuf"
    """How it is spoken."""
    headers: Mapping[str, str] = MappingProxyType({})
    """Sent with each export."""
    secret: str | None = None
    """Name of a secret with more of them: ``authorization=Bearer%20abc,x-tenant=shop``."""
    compression: Literal["gzip", "none"] = "none"
    """``gzip`` takes a third of the bytes, and about as much time again as making them did."""
    timeout_s: float = 10.0
    """Time for one export, all attempts together."""
    flush_timeout_s: float = 5.0
    """Time for what is left when the server stops."""
    certificate: FilePath | None = None
    """PEM file of the authorities that are believed about the collector; None: those of the machine."""
    client_certificate: FilePath | None = None
    """PEM file by which this server shows who it is."""
    client_key: FilePath | None = None
    """PEM file of its key."""
    metrics: bool = True
    """Send metrics too."""
    metrics_interval_s: float = 60.0
    """Time from one export of them to the next."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(self, ("timeout_s", "flush_timeout_s", "metrics_interval_s"))
        if self.endpoint is not None:
            _check_endpoint(self.endpoint)
        if (self.client_certificate is None) != (self.client_key is None):
            raise ConfigError("client_certificate and client_key belong together: give both, or neither")
        force_setattr(self, "headers", sendable_headers("headers", self.headers, hides_values=True))


def _check_endpoint(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_place = parts.scheme in {"http", "https"} and parts.hostname is not None
        _ = parts.port  # reading it is what fails where it is no number
    except ValueError:
        is_place = False
    if not is_place:
        raise ConfigError("endpoint must be a URL: http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None or parts.password is not None:
        raise ConfigError("endpoint must not hold a user and a password: name a secret, with an authorization header")
