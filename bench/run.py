"""``make bench``: measure Perdure beside the field, print the ratios, write ``bench/results.json``.

Ends with 1 if a server did not start, answered wrongly or failed under load; with 2 if the machine cannot run it.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import micro
from harness.cores import TooFewCoresError, choose_cores
from harness.environment import EnvironmentNotReadyError, find_wrk, install_perdure, peers_python
from harness.machine import describe
from harness.ratios import ratios
from harness.report import as_json, rates_table, ratios_table, warnings
from harness.servers import SERVERS
from harness.session import Plan, measure
from harness.sink import collecting
from harness.table import paint
from overload import measure_overload

RESULTS = Path(__file__).with_name("results.json")
MICRO, OVERLOAD = "micro", "overload"


def main() -> int:
    """Run what was asked for and return the exit code."""
    options = _options()
    try:
        cores, wrk, python = choose_cores(), find_wrk(), peers_python()
        install_perdure(python)
    except (TooFewCoresError, EnvironmentNotReadyError) as error:
        print(paint(f"bench: {error}", "bad"), file=sys.stderr)
        return 2
    servers = tuple(server for server in SERVERS if not options.only or server.name in options.only)
    machine = describe(python, wrk, cores)
    print(f"{machine['processor']}, {machine['python']}, {machine['wrk']}", flush=True)
    plan = Plan(servers=servers, rounds=options.rounds, seconds=options.seconds, python=python, wrk=wrk, cores=cores)
    with collecting(cores.load) as address:
        os.environ["COLLECTOR"] = address
        findings = measure(plan, lambda line: print(line, flush=True))
    found = ratios(findings)
    results = {**as_json(findings, found), "machine": machine, "settings": vars(options), "micro": {}}
    _write(results)
    if findings.measured:
        print(f"\n{rates_table(findings, [server.name for server in servers])}\n\n{ratios_table(found)}\n", flush=True)
    if not options.only or MICRO in options.only:
        measured = micro.measure_all(cores.server, quick=options.quick)
        print(f"{micro.table(measured)}\n", flush=True)
        results["micro"] = micro.as_json(measured)
        _write(results)
    if not options.only or OVERLOAD in options.only:
        overload = measure_overload(python, wrk, cores, seconds=options.seconds)
        print(f"{overload.told()}\n", flush=True)
        results["overload"] = overload.as_json()
        _write(results)
    for warning in warnings(findings):
        print(paint(f"warning: {warning}", "bad"))
    for name, why in findings.failures.items():
        print(paint(f"FAILED {name}: {why}", "bad"), file=sys.stderr)
    print(f"written: {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")
    return 1 if findings.failures else 0


def _options() -> argparse.Namespace:
    names = [*(server.name for server in SERVERS), MICRO, OVERLOAD]
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three rounds of one second: a look, not a measurement")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, help=f"any of: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often everything is measured (5; quick: 3)")
    parser.add_argument("--seconds", type=int, metavar="S", help="how long one measurement takes (3; quick: 1)")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 3)
    return options


def _write(results: dict[str, object]) -> None:
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # every server is stopped on the way here
