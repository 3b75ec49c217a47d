import pytest

from perdure.rollout.roster import successor_of
from perdure.store.records import Control, VersionControl

NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("states", "successor"),
    [
        ("RAAA", "b"), ("R-AA", "c"), ("RRAA", "c"), ("RDAA", "c"), ("RDDD", "d"), ("RRRR", None), ("AAAR", None),
        ("R--D", "d"), ("RAAR", "b"),
    ],
)  # fmt: skip
def test_successor_is_the_next_newer_version_that_lasts(states: str, successor: str | None) -> None:
    """R: retired, -: waits, D: deprecated, A: active."""
    kinds = {
        "R": VersionControl(status="retired"), "-": VersionControl(), "A": VersionControl(status="active"),
        "D": VersionControl(status="active", deprecated_s=1.0),
    }  # fmt: skip
    control = Control(versions={name: kinds[state] for name, state in zip(NAMES, states, strict=True)})
    if states == "AAAR":
        assert "c" == successor_of("d", NAMES, control), "none is newer: the newest there is"
    else:
        assert successor == successor_of("a", NAMES, control)
