"""The benchmark of the parts, so that it runs when somebody wants to know."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MICRO = Path(__file__).parents[2] / "bench" / "micro.py"
CASES = (
    "routing + resolution, 100 x 1,000", "local context", "answer, decoded, two hops back", "POST, all but the server",
    "POST, oldest version, all but the server", "manifest store, read again",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs Linux, and two cores: one for what is timed, one for all else",
)
def test_parts_can_be_timed() -> None:
    run = subprocess.run([sys.executable, str(MICRO), "--quick", *CASES], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert [case for case in CASES if f"\n{case} " not in run.stdout] == []
