"""OTLP over gRPC.

Source: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc.
"""

from os import environ
from typing import Any, Final, final
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from perdure.telemetry.otlp_tls import believed_roots, pem_of, tls_context
from perdure.telemetry.otlp_transport import Answer, Signal, Target

__all__ = ["GrpcTransport"]

_METHODS: Final = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
_RESPONSES: Final[dict[str, Any]] = {"traces": ExportTraceServiceResponse, "metrics": ExportMetricsServiceResponse}
_RETRYABLE: Final = frozenset({
    grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS,
})  # fmt: skip
_RETRY_INFO: Final = "google.rpc.retryinfo-bin"
_ROOTS: Final = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
"""The variable by which gRPC is told whom to believe."""
_OPTIONS: Final = [
    ("grpc.primary_user_agent", "perdure-otlp"),
    # A collector that comes back is found within seconds, not within minutes.
    ("grpc.max_reconnect_backoff_ms", 5000),
    # Servers of one machine would else share a connection, and with it what the collector thinks of one of them.
    ("grpc.use_local_subchannel_pool", 1),
]  # fmt: skip


@final
class GrpcTransport:
    """Calls a collector over one channel.

    Raises:
        ConfigError: A certificate or its key cannot be used.
    """

    def __init__(self, target: Target, signal: Signal) -> None:
        parts = urlsplit(target.url)
        compression = grpc.Compression.Gzip if target.is_compressed else grpc.Compression.NoCompression
        place = parts.netloc if parts.scheme in {"http", "https"} else target.url
        if target.is_secure:
            self._channel = grpc.secure_channel(place, _credentials(target), _OPTIONS, compression)
        else:
            self._channel = grpc.insecure_channel(place, _OPTIONS, compression)
        self._metadata = tuple(target.headers.items())
        self._signal = signal
        self._call: Any = self._channel.unary_unary(
            _METHODS[signal], request_serializer=None, response_deserializer=_RESPONSES[signal].FromString
        )

    def send(self, message: bytes, timeout_s: float) -> Answer:
        """Send *message*, once; see `Transport.send`."""
        try:
            response = self._call(message, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            return _answer_of(error)
        except Exception as error:  # noqa: BLE001 - a header that cannot be sent, …: the thread that sends must go on
            return Answer(False, f"{type(error).__name__}: {error}")
        partial = response.partial_success
        return Answer(
            True, rejected=partial.rejected_spans if self._signal == "traces" else partial.rejected_data_points
        )

    def close(self) -> None:
        """Give up the channel."""
        self._channel.close()


def _answer_of(error: Any) -> Answer:
    code = error.code()
    wait_s: float | None = None
    for name, value in error.trailing_metadata() or ():
        if name == _RETRY_INFO:
            try:
                delay = RetryInfo.FromString(value).retry_delay
            except DecodeError:
                continue
            wait_s = delay.seconds + delay.nanos / 1e9
    # Of what is used up, only a collector that says when to come back expects to be asked again.
    may_retry = code in _RETRYABLE or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and wait_s is not None)
    return Answer(False, f"{code.name}: {error.details()}", may_retry=may_retry, wait_s=wait_s)


def _credentials(target: Target) -> Any:
    context = tls_context(target)
    roots, key, chain = None, None, None
    if target.certificate is not None:
        roots = pem_of("certificate", target.certificate)
    elif _ROOTS not in environ:
        roots = believed_roots(context)  # else those that come with gRPC, of which the machine's owner knows nothing
    if target.client_certificate is not None and target.client_key is not None:
        key, chain = pem_of("client_key", target.client_key), pem_of("client_certificate", target.client_certificate)
    return grpc.ssl_channel_credentials(roots, key, chain)
