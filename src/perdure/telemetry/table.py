"""Every metric Perdure itself emits.

The code counts by this table, and the documentation, the dashboard and the alert rules are written from it, so that no
name can differ between them.

Names are OpenTelemetry's where it has one, else they begin with ``perdure.``.

Source: OpenTelemetry semantic conventions 1.36: HTTP, process, CPython.
"""

from typing import Final

from perdure.telemetry.metric import Metric

__all__ = [
    "ACTIVE", "AUDIT_LOST", "COLLECTED", "COLLECTIONS", "COMPENSATIONS_FAILED", "CPU", "DURATION", "FILES", "LAG",
    "LOOK_UPS", "MEMORY", "REFUSED", "REQUEST_SIZE", "RESPONSE_SIZE", "SERIES_REFUSED", "SPANS_DROPPED", "STAGES",
    "STARTED", "STREAMS", "TABLE", "THREADS", "UNCOLLECTABLE", "UNHEALTHY", "WORKERS",
]  # fmt: skip

_HANDLER: Final = "perdure.handler"
_VERSION: Final = "perdure.version"
_METHOD: Final = "http.request.method"
_ROUTE: Final = "http.route"
_BY_ROUTE: Final = (_HANDLER, _METHOD, _ROUTE)
_BY_GENERATION: Final = ("cpython.gc.generation",)
_SIZES: Final = (100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0, 10_000_000.0)

DURATION: Final = Metric(
    name="http.server.request.duration", kind="histogram", unit="s",
    help="Time from the arrival of a request until its answer was ready. Its count is the number of requests.",
    labels=(_HANDLER, _VERSION, _METHOD, _ROUTE, "http.response.status_code", "url.scheme", "error.type"),
    bounds=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)  # fmt: skip
ACTIVE: Final = Metric(
    name="http.server.active_requests", kind="gauge", unit="{request}",
    help="Requests in the works. Streams and WebSockets count until they begin.",
)  # fmt: skip
REQUEST_SIZE: Final = Metric(
    name="http.server.request.body.size", kind="histogram", unit="By",
    help="Size of request bodies, as far as they were read when the answer was ready; of requests that have one.",
    labels=_BY_ROUTE, bounds=_SIZES,
)  # fmt: skip
RESPONSE_SIZE: Final = Metric(
    name="http.server.response.body.size", kind="histogram", unit="By",
    help="Size of response bodies, as sent: 0 for HEAD; of those that are streamed when they have ended.",
    labels=_BY_ROUTE, bounds=_SIZES,
)  # fmt: skip
STREAMS: Final = Metric(
    name="perdure.response.stream.duration", kind="histogram", unit="s",
    help="How long streamed answers and WebSockets lasted, by how they ended: complete, broken (the handler, or what "
    "it streams, raised), left (the client), cut (by the server).",
    labels=(_HANDLER, "perdure.stream.outcome"),
    bounds=(0.1, 1.0, 10.0, 60.0, 300.0, 1_800.0, 3_600.0, 14_400.0),
)  # fmt: skip
STAGES: Final = Metric(
    name="perdure.stage.duration", kind="histogram", unit="s",
    help="Time in each stage of a request: validation (with all before it), each hook, handler, response, each module "
    "call, spawned work. Sum and count only.",
    labels=(_HANDLER, "perdure.stage", "perdure.stage.name", "perdure.hook.level"),
)  # fmt: skip
REFUSED: Final = Metric(
    name="perdure.requests.refused", kind="counter", unit="{request}",
    help="Requests that no handler was run for, by why: rate_limited, overloaded, unauthenticated, version_closed, …",
    labels=("perdure.reason", _HANDLER, _VERSION),
)  # fmt: skip
COMPENSATIONS_FAILED: Final = Metric(
    name="perdure.compensations.failed", kind="counter", unit="{compensation}",
    help="Compensations that failed: something was done, and is not undone.", labels=(_HANDLER,),
)  # fmt: skip
LOOK_UPS: Final = Metric(
    name="perdure.auth.lookups", kind="counter", unit="{credential}",
    help="Credentials that were looked at: remembered from before (hit), or to be verified (miss).",
    labels=("perdure.cache.result",),
)  # fmt: skip
LAG: Final = Metric(
    name="perdure.event_loop.lag", kind="histogram", unit="s",
    help="How late the event loop is, measured twenty times a second: how long what comes now has to wait.",
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)  # fmt: skip
AUDIT_LOST: Final = Metric(
    name="perdure.audit.records.lost", kind="counter", unit="{record}",
    help="Records that the audit log should have and has not.",
)  # fmt: skip
SPANS_DROPPED: Final = Metric(
    name="perdure.traces.dropped", kind="counter", unit="{request}",
    help="Requests whose spans were lost: no room (full), more failed or slow ones a second than are exported (limit), "
    "not taken by the collector in time (failed).",
    labels=("perdure.reason",),
)  # fmt: skip
SERIES_REFUSED: Final = Metric(
    name="perdure.metrics.series.refused", kind="counter", unit="{binding}",
    help="How often a metric had no room for a further set of labels, so that its series (other) was used.",
    labels=("perdure.metric",),
)  # fmt: skip
UNHEALTHY: Final = Metric(
    name="perdure.versions.unhealthy", kind="gauge", unit="{process}",
    help="Processes that hold a version to be unhealthy: who did not ask for it by name is sent elsewhere (out), or a "
    "few clients try it again (trial). Versions that never were have no series.",
    labels=(_VERSION, "perdure.version.condition"),
)  # fmt: skip
WORKERS: Final = Metric(
    name="perdure.workers", kind="gauge", unit="{process}", help="Processes that serve.",
)  # fmt: skip
STARTED: Final = Metric(
    name="perdure.process.start_time", kind="gauge", unit="s",
    help="When the process that has served longest was started, Unix time.", across="min",
)  # fmt: skip
CPU: Final = Metric(
    name="process.cpu.time", kind="counter", unit="s", help="Processor time used.", labels=("cpu.mode",),
)  # fmt: skip
MEMORY: Final = Metric(
    name="process.memory.usage", kind="gauge", unit="By", help="Resident memory.",
)  # fmt: skip
FILES: Final = Metric(
    name="process.unix.file_descriptor.count", kind="gauge", unit="{file_descriptor}",
    help="Open files and connections.",
)  # fmt: skip
THREADS: Final = Metric(
    name="process.thread.count", kind="gauge", unit="{thread}", help="Threads.",
)  # fmt: skip
COLLECTIONS: Final = Metric(
    name="cpython.gc.collections", kind="counter", unit="{collection}", help="Runs of the garbage collector.",
    labels=_BY_GENERATION,
)  # fmt: skip
COLLECTED: Final = Metric(
    name="cpython.gc.collected_objects", kind="counter", unit="{object}", help="Objects the garbage collector freed.",
    labels=_BY_GENERATION,
)  # fmt: skip
UNCOLLECTABLE: Final = Metric(
    name="cpython.gc.uncollectable_objects", kind="counter", unit="{object}",
    help="Objects the garbage collector found but could not free.", labels=_BY_GENERATION,
)  # fmt: skip

TABLE: Final[tuple[Metric, ...]] = (
    DURATION, ACTIVE, REQUEST_SIZE, RESPONSE_SIZE, STREAMS, STAGES, REFUSED, COMPENSATIONS_FAILED, LOOK_UPS, LAG,
    AUDIT_LOST, SPANS_DROPPED, SERIES_REFUSED, UNHEALTHY, WORKERS, STARTED, CPU, MEMORY, FILES, THREADS, COLLECTIONS,
    COLLECTED, UNCOLLECTABLE,
)  # fmt: skip
"""All of them, in the order in which they are shown."""
