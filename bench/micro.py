"""Micro-benchmarks: the parts of a request's way, each timed alone, in process.

By itself: ``.venv/bin/python bench/micro.py [--quick] [NAME…]``.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cores import choose_cores, pinned
from harness.table import paint, render
from micro_cases import context, request, routing, startup, store, transforming, validation, versions
from micro_cases.timing import Call, Timing, time_call


@dataclass(frozen=True)
class Case:
    """One thing to time."""

    name: str
    prepare: Callable[[], Call]
    target_ns: float | None = None


@dataclass(frozen=True)
class Measured:
    """A case and what it costs."""

    name: str
    timing: Timing
    target_ns: float | None

    @property
    def reached(self) -> bool:
        """Whether there is no target or it is met."""
        return self.target_ns is None or self.timing.median_ns <= self.target_ns


CASES: tuple[Case, ...] = (
    Case("routing, static path", routing.route_static),
    Case("routing, path with a parameter", routing.route_parameter),
    Case("resolution, 100 versions, known text", routing.resolve_known, 2_000),
    Case("resolution, 100 versions, new text", routing.resolve_unknown),
    Case("routing + resolution, 100 x 1,000", routing.route_and_resolve, 1e9 / 300_000),
    Case("request id", context.request_id),
    Case("trace context, generated", context.trace_generated),
    Case("trace context, parsed", context.trace_parsed),
    Case("local context", context.local_context, 1_000),
    Case("snapshot of 100 keys", context.snapshot_100_keys, 50_000),
    Case("validation of a small body", validation.decode, 2_000),
    Case("the same by msgspec alone", validation.decode_bare),
    Case("encoding an answer", validation.encode),
    Case("response check", validation.check_response),
    Case("answer, decoded, no hop", transforming.no_hop),
    Case("answer, decoded, one hop back", transforming.response_hop),
    Case("answer, decoded, two hops back", transforming.response_chain),
    Case("request, decoded, two hops forward", transforming.request_chain),
    Case("GET, all but the server", request.get),
    Case("POST, all but the server", request.post),
    Case("POST, oldest version, all but the server", request.post_oldest),
    Case("GET, newest of 100 versions, all but the server", versions.newest),
    Case("GET, oldest of 100 it was never touched in", versions.oldest),
    Case("diff of 3,000 types and 1,000 endpoints, equal", store.diff_same, 100_000_000),
    Case("diff of 1,000 entangled types, 333 endpoints, 4 edits", store.diff_changed),
    Case("manifest store, read again", store.read_manifest, 1_000),
)
FRESH: dict[str, tuple[Callable[[], Timing], float]] = {
    "import perdure": (startup.import_time, 150e6),
    "start-up, 100 versions x 1,000 handlers": (versions.start_up, 5e9),
}
"""What is timed in fresh interpreters, and its target in nanoseconds."""


def measure_all(core: int, *, quick: bool, names: Sequence[str] = ()) -> list[Measured]:
    """Time every case (or those called *names*) on *core*."""
    before = os.sched_getaffinity(0)
    pinned(core)()
    try:
        measured = [
            Measured(case.name, time_call(case.prepare(), 4 if quick else 20), case.target_ns)
            for case in CASES
            if not names or case.name in names
        ]
        measured += [
            Measured(name, time_it(), target_ns)
            for name, (time_it, target_ns) in FRESH.items()
            if not names or name in names
        ]
    finally:
        os.sched_setaffinity(0, before)
    return measured


def table(measured: Sequence[Measured]) -> str:
    """Return the figures with their targets beside them."""
    rows = [
        [
            one.name,
            _shown(one.timing.median_ns),
            _shown(one.timing.least_ns),
            f"{1e9 / one.timing.median_ns:,.0f}",
            "" if one.target_ns is None else _shown(one.target_ns),
            "" if one.target_ns is None else ("reached" if one.reached else "ABOVE"),
        ]
        for one in measured
    ]
    text = render(["in process, one core", "median", "least", "per second", "target", ""], rows)
    return text.replace("reached", paint("reached", "good")).replace("ABOVE", paint("ABOVE", "bad"))


def as_json(measured: Sequence[Measured]) -> dict[str, object]:
    """Return the figures for ``results.json``, in nanoseconds."""
    return {
        one.name: {
            "median_ns": round(one.timing.median_ns, 1),
            "least_ns": round(one.timing.least_ns, 1),
            "target_ns": one.target_ns,
        }
        for one in measured
    }


def _shown(nanoseconds: float) -> str:
    for limit, unit in ((1e3, "ns"), (1e6, "us"), (1e9, "ms")):
        if nanoseconds < limit:
            value = nanoseconds / (limit / 1e3)
            return f"{value:.0f} {unit}" if value >= 100 or unit == "ns" else f"{value:.2f} {unit}"
    return f"{nanoseconds / 1e9:.2f} s"


def main() -> int:
    """Run what was asked for and return the exit code."""
    names = [*(case.name for case in CASES), *FRESH]
    parser = argparse.ArgumentParser(prog=f"bench/{Path(__file__).name}", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short batches: a look, not a measurement")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {' | '.join(names)}")
    options = parser.parse_args()
    if unknown := set(options.names).difference(names):
        parser.error(f"there is no {' | '.join(sorted(unknown))}; there are: {' | '.join(names)}")
    print(table(measure_all(choose_cores().server, quick=options.quick, names=options.names)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
