"""mypy --strict accepts programs that use the typed API, and tells what is wrong with those that misuse it."""

import re
from pathlib import Path

import pytest
from mypy import api

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REJECTED = sorted((HERE / "rejected").glob("*.py"))
_EXPECTED = re.compile(r"# expect: ([a-z, -]+)")
_REPORTED = re.compile(r"^(?P<path>.+?):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$")

Fault = tuple[str, int, str]
"""File, line and code."""


def check(*paths: Path) -> set[Fault]:
    """Return what mypy has against *paths*, by the project's own settings."""
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary", "--no-pretty"]
    cache = ["--cache-dir", str(ROOT / ".mypy_cache" / "typing")]
    printed, failed, _ = api.run([*options, *cache, *map(str, paths)])
    assert not failed, failed
    errors = [line for line in printed.splitlines() if ": error: " in line]
    matches = [match for line in errors if (match := _REPORTED.match(line))]
    assert len(errors) == len(matches), printed
    return {(Path(match["path"]).name, int(match["line"]), match["code"]) for match in matches}


def expected_of(path: Path) -> set[Fault]:
    found: set[Fault] = set()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = _EXPECTED.search(line)
        if match is not None:
            found |= {(path.name, number, code) for code in match[1].split(", ")}
    return found


@pytest.fixture(scope="module")
def reported() -> set[Fault]:
    """All files in one run: starting mypy takes longer than checking them."""
    return check(HERE / "accepted.py", *REJECTED)


def test_a_program_that_uses_the_typed_api_is_accepted(reported: set[Fault]) -> None:
    assert set() == {fault for fault in reported if fault[0] == "accepted.py"}


@pytest.mark.parametrize("path", REJECTED, ids=lambda path: path.stem)
def test_a_wrong_use_is_rejected_where_it_is(path: Path, reported: set[Fault]) -> None:
    expected = expected_of(path)
    assert 1 == len({line for _, line, _ in expected})
    assert expected == {fault for fault in reported if fault[0] == path.name}


def test_the_accepted_program_runs() -> None:
    from tests.typing import accepted

    accepted.app.compile()
    assert 9 == len(accepted.app.manifests())
