"""Which servers are compared with which, and what is wanted of the comparison."""

from dataclasses import dataclass
from statistics import median

from harness.load import Measurement
from harness.scenarios import Kind
from harness.session import Findings


@dataclass(frozen=True)
class Comparison:
    """One ratio: *server* at *kind* over *to* at *to_kind*."""

    name: str
    """Its key in ``results.json``."""
    server: str
    kind: Kind
    to: str
    to_kind: Kind
    target: float | None = None
    """What it must reach; None: for information."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A comparison, measured."""

    comparison: Comparison
    value: float
    """Ratio of the medians over all rounds."""
    lowest: float
    """The least ratio of a single round."""
    highest: float
    by_cpu: float
    """Ratio of the medians of requests per second of the server's processor time: less moved by neighbours."""

    @property
    def reached(self) -> bool:
        """Whether there is no target or it is met."""
        return self.comparison.target is None or self.value >= self.comparison.target


COMPARISONS: tuple[Comparison, ...] = (
    Comparison("get_vs_floor", "perdure", "get", "floor", "get", 0.70),
    Comparison("post_vs_floor", "perdure", "post", "floor", "post", 0.70),
    Comparison("get_vs_floor_batched", "perdure", "get", "floor_batched", "get"),
    Comparison("post_vs_floor_batched", "perdure", "post", "floor_batched", "post"),
    Comparison("get_vs_fastapi", "perdure", "get", "fastapi", "get", 3.0),
    Comparison("post_vs_fastapi", "perdure", "post", "fastapi", "post", 3.0),
    Comparison("post_vs_cadwyn", "perdure", "post", "cadwyn", "post", 15.0),
    Comparison("get_vs_fastapi_bare", "perdure", "get", "fastapi_bare", "get", 3.0),
    Comparison("post_vs_fastapi_bare", "perdure", "post", "fastapi_bare", "post", 3.0),
    Comparison("post_vs_cadwyn_bare", "perdure", "post", "cadwyn_bare", "post", 15.0),
    Comparison("get_guarded_vs_open", "perdure_guarded", "get", "perdure_open", "get", 0.85),
    Comparison("post_guarded_vs_open", "perdure_guarded", "post", "perdure_open", "post", 0.85),
    Comparison("get_audited_vs_not", "perdure", "get", "perdure_unaudited", "get", 0.90),
    Comparison("post_audited_vs_not", "perdure", "post", "perdure_unaudited", "post", 0.90),
    Comparison("get_traced_vs_not", "perdure_traced", "get", "perdure", "get", 0.95),
    Comparison("post_traced_vs_not", "perdure_traced", "post", "perdure", "post", 0.95),
    Comparison("get_traced_vs_floor", "perdure_traced", "get", "floor", "get", 0.70),
    Comparison("post_traced_vs_floor", "perdure_traced", "post", "floor", "post", 0.70),
    Comparison("get_all_traced_vs_not", "perdure_traced_all", "get", "perdure", "get", 0.50),
    Comparison("post_all_traced_vs_not", "perdure_traced_all", "post", "perdure", "post", 0.50),
    Comparison("post_oldest_vs_newest", "perdure", "post_oldest", "perdure", "post", 0.6),
    Comparison("get_pure_vs_floor", "perdure_pure", "get", "floor", "get"),
    Comparison("post_pure_vs_floor", "perdure_pure", "post", "floor", "post"),
    Comparison("post_oldest_vs_cadwyn", "perdure", "post_oldest", "cadwyn", "post_oldest"),
    *(
        Comparison(f"{peer}_{kind}_vs_floor", peer, kind, "floor", kind)
        for peer in ("blacksheep", "litestar", "fastapi", "cadwyn")
        for kind in ("get", "post")
    ),
)


def _rps(one: Measurement) -> float:
    return one.rps


def _rps_cpu(one: Measurement) -> float:
    return one.rps_cpu


def ratios(findings: Findings) -> list[Ratio]:
    """Return every comparison of which both sides were measured."""
    found = []
    for comparison in COMPARISONS:
        ours = findings.measured.get((comparison.server, comparison.kind))
        theirs = findings.measured.get((comparison.to, comparison.to_kind))
        if not ours or not theirs:
            continue
        single = [one.rps / other.rps for one, other in zip(ours, theirs, strict=True)]
        found.append(
            Ratio(
                comparison=comparison,
                value=median(map(_rps, ours)) / median(map(_rps, theirs)),
                lowest=min(single),
                highest=max(single),
                by_cpu=median(map(_rps_cpu, ours)) / median(map(_rps_cpu, theirs)),
            )
        )
    return found
