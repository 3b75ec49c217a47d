"""Put a server under load with wrk and say what came of it."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.cores import Cores, pinned
from harness.cpu import read_cpu
from harness.scenarios import Scenario
from harness.servers import RunningServer

CONNECTIONS = 32
_SCRIPT = Path(__file__).with_name("wrk.lua")


class LoadError(Exception):
    """A response under load was not what it must be, or wrk failed."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one run of wrk found."""

    rps: float
    """Requests per second."""
    rps_cpu: float
    """Requests per second of processor time the server used."""
    p50_us: int
    p99_us: int
    server_share: float
    """How much of one core the server used: 1.0 is all of it."""
    generator_share: float
    """How much of one core wrk used."""
    others_share: float
    """How many cores everything else on the machine used."""


def put_under_load(server: RunningServer, scenario: Scenario, *, seconds: int, wrk: str, cores: Cores) -> Measurement:
    """Ask *server* the same request for *seconds* over keep-alive connections.

    Raises:
        LoadError: A response was not 2xx, a connection failed, or wrk did.
    """
    with tempfile.NamedTemporaryFile() as body:
        body.write(scenario.body)
        body.flush()
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(_SCRIPT)]
        command += [f"http://127.0.0.1:{server.port}{scenario.path}", "--", scenario.method, body.name]
        command += [f"{name}: {value}" for name, value in scenario.all_headers().items()]
        before, times = read_cpu(server.session), os.times()
        ran = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=pinned(cores.load))
        after, times_after = read_cpu(server.session), os.times()
    found = _result(ran)
    elapsed_s = found["duration_us"] / 1e6
    server_s = after.session_s - before.session_s
    generator_s = times_after.children_user + times_after.children_system - times.children_user - times.children_system
    return Measurement(
        rps=found["requests"] / elapsed_s,
        rps_cpu=found["requests"] / server_s,
        p50_us=found["p50_us"],
        p99_us=found["p99_us"],
        server_share=server_s / elapsed_s,
        generator_share=generator_s / elapsed_s,
        others_share=max(0.0, (after.machine_s - before.machine_s - server_s - generator_s) / elapsed_s),
    )


def _result(ran: subprocess.CompletedProcess[str]) -> dict[str, int]:
    line = next((line for line in ran.stdout.splitlines() if line.startswith("RESULT ")), None)
    if ran.returncode or line is None:
        raise LoadError(f"wrk ended with {ran.returncode}: {ran.stdout[-300:]} {ran.stderr[-300:]}")
    found: dict[str, int] = json.loads(line.removeprefix("RESULT "))
    errors = {name: found[name] for name in ("connect", "read", "write", "status", "timeout") if found[name]}
    if errors:
        raise LoadError(f"{errors} among {found['requests']} requests (status: answers of 400 and above)")
    if not found["requests"]:
        raise LoadError("not one request was answered")
    return found
