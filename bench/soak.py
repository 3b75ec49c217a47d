"""``make soak``: whether a server's memory stays flat over a million requests that are never the same twice.

A server process with all on that remembers anything, at limits that are reached early. Ends with 1 if its memory grows
after that, or the number of its metric series, descriptors or threads; with 2 if the machine cannot run it.
"""

import argparse
import asyncio
import json
import os
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from harness.environment import EnvironmentNotReadyError, install_perdure, peers_python
from harness.servers import Server, ServerFailedError, running
from harness.sink import collecting
from harness.table import paint
from harness.visitors import visit

_SERVER = Server(name="perdure_soak", runs_on=("perdure", "serve"), ready_path="/healthz", from_source=True)
_PAGES_PER_MIB = 1024 * 1024 / os.sysconf("SC_PAGE_SIZE")
_TOLERANCES: dict[str, float] = {"MiB": 3.0, "series": 100, "descriptors": 2, "threads": 1}
"""How much more the last third may take than the one before it: an allocator does not give back all it got, and a rare
pair of handler and status has some series of its own when it first comes."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the server takes after some requests."""

    requests: int
    seconds: float
    taken: dict[str, float]
    """Resident memory (MiB), metric series on the page, descriptors, threads."""

    def told(self) -> str:
        """Return a line."""
        taken = "  ".join(f"{amount:6g} {what}" for what, amount in self.taken.items())
        return f"{self.requests:>9,} requests  {taken}  {self.seconds:5.0f} s"


def grown(samples: Sequence[Sample]) -> list[str]:
    """Return what the last third of *samples* takes more of than the third before it."""
    third = len(samples) // 3
    middle, last = samples[-2 * third : -third], samples[-third:]
    found = []
    for what, tolerance in _TOLERANCES.items():
        before, after = (median(each.taken[what] for each in part) for part in (middle, last))
        if after > before + tolerance:
            found.append(f"{before:g} to {after:g} {what}")
    return found


def soak(port: int, requests: int, every: int, tell: Callable[[str], None]) -> tuple[list[Sample], Counter[int]]:
    """Send *requests* to the server at *port*; return a sample after each *every*, and how many had which status."""
    pid = json.loads(_read(port, "/pid"))
    began, samples, statuses = time.monotonic(), [], Counter[int]()
    for first in range(0, requests, every):
        statuses += asyncio.run(visit(port, range(first, min(first + every, requests))))
        sample = Sample(requests=first + every, seconds=time.monotonic() - began, taken=_taken(port, pid))
        tell(sample.told())
        samples.append(sample)
    return samples, statuses


def _taken(port: int, pid: int) -> dict[str, float]:
    process = Path(f"/proc/{pid}")
    page = _read(port, "/metrics").decode().splitlines()
    return {
        "MiB": round(int((process / "statm").read_text().split()[1]) / _PAGES_PER_MIB, 1),
        "series": sum(1 for line in page if not line.startswith("#")),
        "descriptors": len(list((process / "fd").iterdir())),
        "threads": len(list((process / "task").iterdir())),
    }


def _read(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        read: bytes = answer.read()
        return read


def main() -> int:
    """Run, and return the exit code."""
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    python, server = Path(sys.executable), _SERVER
    try:
        if options.compiled:
            python, server = peers_python(), replace(_SERVER, from_source=False)
            install_perdure(python)
        with collecting(cores[-1]) as address:
            os.environ["COLLECTOR"] = address
            with running(server, python, cores[0]) as one:
                samples, statuses = soak(
                    one.port, options.requests, options.every, lambda line: print(line, flush=True)
                )
    except (EnvironmentNotReadyError, ServerFailedError) as error:
        print(paint(f"soak: {error}", "bad"), file=sys.stderr)
        return 2
    told = (f"{count:,} with {status}" if status else f"{count:,} left" for status, count in sorted(statuses.items()))
    print(f"answers: {', '.join(told)}")
    found = grown(samples)
    for each in found:
        print(paint(f"grew: {each}", "bad"), file=sys.stderr)
    return 1 if found else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/soak.py", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, metavar="N", help="how many (1000000)")
    parser.add_argument(
        "--every", type=int, default=50_000, metavar="N", help="after how many a sample is taken (50000)"
    )
    parser.add_argument("--compiled", action="store_true", help="Perdure as users get it, as make bench installs it")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # the server is stopped on the way here
