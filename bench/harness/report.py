"""Findings as tables and as ``results.json``."""

from collections.abc import Callable, Sequence
from statistics import median

from harness.load import Measurement
from harness.ratios import Ratio
from harness.scenarios import KINDS, Kind
from harness.session import Findings
from harness.table import paint, render

_NOISY_SHARE = 0.10
_SATURATED_SHARE = 0.97


def rates_table(findings: Findings, names: Sequence[str]) -> str:
    """Return requests per second, by server and scenario, with the spread over the rounds."""
    rows = [[name, *(_rate(findings, name, kind) for kind in KINDS)] for name in names if name not in findings.failures]
    return render(["requests/s (spread)", "GET /users/42", "POST /orders", "POST, oldest version"], rows)


def _rate(findings: Findings, name: str, kind: Kind) -> str:
    rates = findings.by_round(name, kind, lambda one: one.rps)
    if not rates:
        return "-"
    middle = median(rates)
    spread = (max(rates) - min(rates)) / 2 / middle
    return f"{middle:,.0f} (±{spread:.0%})"


def ratios_table(found: Sequence[Ratio]) -> str:
    """Return the ratios with their targets beside them."""
    rows = []
    for ratio in found:
        target = ratio.comparison.target
        rows.append(
            [
                ratio.comparison.name,
                f"{ratio.value:.2f}",
                f"{ratio.lowest:.2f}..{ratio.highest:.2f}",
                f"{ratio.by_cpu:.2f}",
                "" if target is None else f"{target:.2f}",
                "" if target is None else ("reached" if ratio.reached else "BELOW"),
            ]
        )
    table = render(["ratio", "median", "rounds", "by CPU time", "target", ""], rows)
    return table.replace("reached", paint("reached", "good")).replace("BELOW", paint("BELOW", "bad"))


def warnings(findings: Findings) -> list[str]:
    """Return what makes the figures doubtful."""
    everything = [one for found in findings.measured.values() for one in found]
    said = []
    if everything and (others := median(one.others_share for one in everything)) > _NOISY_SHARE:
        said.append(
            f"the machine was not quiet: other processes used {others:.0%} of a core (median); trust 'by CPU time' more"
        )
    limited = sorted(
        f"{name} {kind}"
        for (name, kind), found in findings.measured.items()
        if median(one.generator_share for one in found) > _SATURATED_SHARE
    )
    if limited:
        said.append(f"wrk used its whole core, the server could do more: {', '.join(limited)}")
    return said


def _cores_used(rows: list[Measurement]) -> dict[str, float]:
    return {
        "server": round(median(one.server_share for one in rows), 3),
        "wrk": round(median(one.generator_share for one in rows), 3),
        "others": round(median(one.others_share for one in rows), 3),
    }


def _nested(findings: Findings, of: Callable[[list[Measurement]], object]) -> dict[str, dict[str, object]]:
    nested: dict[str, dict[str, object]] = {}
    for (name, kind), found in findings.measured.items():
        nested.setdefault(name, {})[kind] = of(found)
    return nested


def as_json(findings: Findings, found: Sequence[Ratio]) -> dict[str, object]:
    """Return rates, ratios and what they were made of."""
    return {
        "rps": _nested(findings, lambda rows: round(median(one.rps for one in rows), 1)),
        "ratio": {ratio.comparison.name: round(ratio.value, 3) for ratio in found},
        "ratio_by_cpu": {ratio.comparison.name: round(ratio.by_cpu, 3) for ratio in found},
        "ratio_range": {ratio.comparison.name: [round(ratio.lowest, 3), round(ratio.highest, 3)] for ratio in found},
        "target": {ratio.comparison.name: ratio.comparison.target for ratio in found if ratio.comparison.target},
        "rps_rounds": _nested(findings, lambda rows: [round(one.rps, 1) for one in rows]),
        "rps_cpu": _nested(findings, lambda rows: round(median(one.rps_cpu for one in rows), 1)),
        "latency_us": _nested(
            findings,
            lambda rows: {"p50": median(one.p50_us for one in rows), "p99": median(one.p99_us for one in rows)},
        ),
        "cores_used": _nested(findings, _cores_used),
        "failures": findings.failures,
        "warnings": warnings(findings),
    }
