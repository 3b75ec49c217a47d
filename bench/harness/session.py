"""The run: rounds over all servers and scenarios, interleaved.

In a round every server is started afresh (the layout of one process's memory must not decide a comparison), then each
scenario goes once over all servers in turn, so that what is compared is measured within seconds of each other. The
order rotates from round to round. Idle servers use no processor time.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from harness.answers import WrongAnswerError, check
from harness.cores import Cores
from harness.load import LoadError, Measurement, put_under_load
from harness.scenarios import KINDS, Kind
from harness.servers import RunningServer, Server, ServerFailedError, running

_WARM_UP_S = 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to measure."""

    servers: tuple[Server, ...]
    rounds: int
    seconds: int
    python: Path
    wrk: str
    cores: Cores


@dataclass
class Findings:
    """What was measured, round by round, and what failed."""

    measured: dict[tuple[str, Kind], list[Measurement]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """By name of the server. A server that failed once is left out from then on, and none of its numbers count."""

    def fail(self, server: str, why: str) -> None:
        """Leave *server* out."""
        self.failures[server] = why
        self.measured = {key: found for key, found in self.measured.items() if key[0] != server}

    def by_round(self, server: str, kind: Kind, of: Callable[[Measurement], float]) -> list[float]:
        """Return a figure of every round."""
        return [of(one) for one in self.measured.get((server, kind), [])]


def measure(plan: Plan, tell: Callable[[str], None]) -> Findings:
    """Run all rounds. Failures are told as they happen and end up in the findings."""
    findings = Findings()
    for number in range(plan.rounds):
        tell(f"round {number + 1} of {plan.rounds}")
        with ExitStack() as stack:
            up = [one for server in plan.servers if (one := _start(plan, server, findings, stack, tell))]
            turn = number % max(1, len(up))
            for kind in KINDS:
                for one in up[turn:] + up[:turn]:
                    if kind in one.server.kinds and one.server.name not in findings.failures:
                        _measure_one(plan, one, kind, findings, tell)
    return findings


def _start(
    plan: Plan, server: Server, findings: Findings, stack: ExitStack, tell: Callable[[str], None]
) -> RunningServer | None:
    if server.name in findings.failures:
        return None
    try:
        one = stack.enter_context(running(server, plan.python, plan.cores.server))
        for kind in server.kinds:
            check(one.port, server.scenario(kind))
    except (ServerFailedError, WrongAnswerError, OSError) as error:
        findings.fail(server.name, str(error))
        tell(f"FAILED {server.name}: {error}")
        return None
    return one


def _measure_one(plan: Plan, one: RunningServer, kind: Kind, findings: Findings, tell: Callable[[str], None]) -> None:
    scenario = one.server.scenario(kind)
    name = one.server.name
    try:
        put_under_load(one, scenario, seconds=_WARM_UP_S, wrk=plan.wrk, cores=plan.cores)
        found = put_under_load(one, scenario, seconds=plan.seconds, wrk=plan.wrk, cores=plan.cores)
        check(one.port, scenario)
    except (LoadError, WrongAnswerError, OSError) as error:
        findings.fail(name, f"{kind}: {error}")
        tell(f"FAILED {name} {kind}: {error}")
        return
    findings.measured.setdefault((name, kind), []).append(found)
    tell(f"  {name:<15} {kind:<11} {found.rps:>9,.0f}/s  p50 {found.p50_us:>6} us  p99 {found.p99_us:>6} us")
