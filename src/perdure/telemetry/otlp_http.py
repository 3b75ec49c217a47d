"""OTLP over HTTP, in the binary format.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp.
"""

import gzip
import ssl
from time import monotonic
from typing import Final, final
from urllib.request import getproxies, proxy_bypass

import urllib3
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from perdure.telemetry.otlp_deadline import Deadline, watch_connections
from perdure.telemetry.otlp_tls import tls_context
from perdure.telemetry.otlp_transport import Answer, Signal, Target

__all__ = ["HttpTransport"]

_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_QUICKLY: Final = 1
_SHOWN: Final = 200
_LONGEST: Final = 64 * 1024
"""Bytes of an answer that are read; collectors say little."""


@final
class HttpTransport:
    """Posts messages over one connection that is kept; a proxy of the environment is used, as others do.

    Raises:
        ConfigError: A certificate or its key cannot be used.
    """

    def __init__(self, target: Target, signal: Signal) -> None:
        self._url = target.url
        self._signal = signal
        self._is_compressed = target.is_compressed
        own = {"content-type": "application/x-protobuf", "user-agent": "perdure-otlp"}
        if target.is_compressed:
            own["content-encoding"] = "gzip"
        self._headers = {**own, **target.headers}
        self._pool = _pool(target)

    def send(self, message: bytes, timeout_s: float) -> Answer:
        """Send *message*, once; see `Transport.send`."""
        body = gzip.compress(message, _QUICKLY) if self._is_compressed else message
        until_s = monotonic() + timeout_s
        deadline = Deadline(timeout_s)
        try:
            with deadline:
                answer = self._pool.request(
                    "POST", self._url, body=body, headers=self._headers, timeout=timeout_s, retries=False,
                    redirect=False, preload_content=False,
                )  # fmt: skip
            if deadline.is_over:  # a head that is cut off looks like a shorter one
                answer.close()
                return _late(timeout_s)
            data = _read(answer, until_s)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return _late(timeout_s) if deadline.is_over else _answer_of(error)
        except Exception as error:  # noqa: BLE001 - whatever a library raises: the thread that sends must go on
            return Answer(False, f"{type(error).__name__}: {error}")
        if 200 <= answer.status < 300:
            return Answer(True, rejected=self._rejected(data))
        wait_s = _seconds(answer.headers.get("retry-after"))
        reason = f"{answer.status} {data[:_SHOWN].decode('utf-8', 'replace')}".strip()
        return Answer(False, reason, may_retry=answer.status in _RETRYABLE, wait_s=wait_s)

    def close(self) -> None:
        """Give up the connection."""
        self._pool.clear()

    def _rejected(self, data: bytes) -> int:
        try:
            if self._signal == "traces":
                return ExportTraceServiceResponse.FromString(data).partial_success.rejected_spans
            return ExportMetricsServiceResponse.FromString(data).partial_success.rejected_data_points
        except DecodeError:
            return 0  # it was taken; what else the collector says is not in the protocol's words


def _late(timeout_s: float) -> Answer:
    return Answer(False, f"it did not answer within {timeout_s:.3g} s", may_retry=True)


def _read(answer: urllib3.BaseHTTPResponse, until_s: float) -> bytes:
    """Return what *answer* says, or how it begins: what has no end would fill the memory, or hold up all that waits."""
    data = b""
    try:
        while len(data) < _LONGEST and monotonic() < until_s:
            part = answer.read1(_LONGEST - len(data))
            if not part:
                return data
            data += part
        answer.close()
    finally:
        answer.release_conn()
    return data


def _answer_of(error: Exception) -> Answer:
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):  # whom we do not believe now, we do not believe in a second
        return Answer(
            False, f"its certificate is not believed, {cause.verify_message}: otlp.certificate says whom to believe"
        )
    return Answer(False, f"{type(error).__name__}: {error}", may_retry=True)


def _pool(target: Target) -> urllib3.PoolManager:
    trusted = tls_context(target) if target.is_secure else None
    parts = urllib3.util.parse_url(target.url)
    proxy = getproxies().get(parts.scheme or "http")
    if proxy is not None and not proxy_bypass(parts.host or ""):
        manager: urllib3.PoolManager = urllib3.ProxyManager(proxy, num_pools=1, maxsize=1, ssl_context=trusted)
    else:
        manager = urllib3.PoolManager(num_pools=1, maxsize=1, ssl_context=trusted)
    watch_connections(manager)
    return manager


def _seconds(text: str | None) -> float | None:
    """Return the seconds of ``Retry-After``; None where there are none, or a date stands there."""
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 6 else None
