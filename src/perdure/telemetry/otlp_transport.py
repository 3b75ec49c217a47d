"""Sending OTLP: the seam to its two transports, HTTP and gRPC, and the patience both are used with.

The messages are ready bytes, so what is needed of a transport is small; the SDK's exporters take its own objects only.

Source: https://opentelemetry.io/docs/specs/otlp/ 1.5, "Failures" and "Throttling".
"""

import json
import random
import sys
from collections.abc import Callable, Mapping
from os import environ
from time import monotonic
from typing import Final, Literal, Protocol, final

from msgspec import Struct

from perdure.errors import ConfigError

__all__ = ["Answer", "Console", "Signal", "Target", "Transport", "missing_extra", "open_transport", "send_patiently"]

Signal = Literal["traces", "metrics"]
"""What is sent."""

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 5.0
_JITTER: Final = random.Random()  # noqa: S311 - that all servers do not come back at once


@final
class Target(Struct, frozen=True, kw_only=True):
    """A collector, and how to speak to it."""

    url: str
    """For HTTP the whole URL; for gRPC ``http://HOST:PORT``, ``https://…`` or a name of gRPC's own: ``unix:/run/x``."""
    is_secure: bool
    """With TLS."""
    protocol: Literal["http/protobuf", "grpc"]
    headers: Mapping[str, str]
    is_compressed: bool
    timeout_s: float
    certificate: str | None
    client_certificate: str | None
    client_key: str | None


@final
class Answer(Struct, frozen=True):
    """What a collector said."""

    is_taken: bool
    reason: str = ""
    """Why it was not taken, for a person."""
    may_retry: bool = False
    wait_s: float | None = None
    """How long the collector wants to be left alone."""
    rejected: int = 0
    """Of what was taken, how many spans or points were not."""


class Transport(Protocol):
    """Sends messages to one collector; called from one thread at a time."""

    def send(self, message: bytes, timeout_s: float) -> Answer:
        """Send *message*, once. Raises nothing: what goes wrong is in the answer."""

    def close(self) -> None:
        """Give up the connection."""


@final
class Console:
    """Prints messages, one JSON object to a line, on standard output."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal

    def send(self, message: bytes, timeout_s: float) -> Answer:  # noqa: ARG002
        """Print *message*."""
        from google.protobuf.json_format import MessageToDict
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        kind = ExportTraceServiceRequest if self._signal == "traces" else ExportMetricsServiceRequest
        sys.stdout.write(json.dumps(MessageToDict(kind.FromString(message))) + "\n")
        sys.stdout.flush()
        return Answer(True)

    def close(self) -> None:
        """Nothing is open."""


def open_transport(target: Target, signal: Signal) -> Transport:
    """Return what sends *signal* to *target*; nothing is connected yet.

    Raises:
        ConfigError: A certificate cannot be read, or the extra is not installed.
    """
    try:
        if target.protocol == "grpc":
            # What goes wrong is told once, by `Outage`; gRPC would write each attempt of its own to the terminal.
            environ.setdefault("GRPC_VERBOSITY", "ERROR")
            from perdure.telemetry.otlp_grpc import GrpcTransport

            return GrpcTransport(target, signal)
        from perdure.telemetry.otlp_http import HttpTransport

        return HttpTransport(target, signal)
    except ImportError as error:
        raise missing_extra(error) from error


def missing_extra(error: ImportError) -> ConfigError:
    """Return the error that says how to install what exporters need."""
    return ConfigError(f"exporting traces and metrics needs {error.name}: pip install 'perdure[otel]'")


def send_patiently(transport: Transport, message: bytes, timeout_s: float, wait: Callable[[float], bool]) -> Answer:
    """Send *message*, again and again if need be, and return the last answer.

    Args:
        timeout_s: Time for all of it.
        wait: Waits so many seconds, and returns whether there is no time for more.
    """
    deadline, pause_s = monotonic() + timeout_s, _FIRST_WAIT_S
    while True:
        answer = transport.send(message, max(deadline - monotonic(), 0.05))
        if answer.is_taken or not answer.may_retry:
            return answer
        next_s = answer.wait_s if answer.wait_s is not None else pause_s * _JITTER.uniform(0.8, 1.2)
        if monotonic() + next_s >= deadline or wait(next_s):
            return answer
        pause_s = min(pause_s * 2, _LONGEST_WAIT_S)
