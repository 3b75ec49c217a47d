"""Which traces are sampled."""

import random

import pytest

from perdure.context.trace import NEVER, new_trace, parse_trace, threshold

PARENT = "00-{}-00f067aa0ba902b7-{}"


@pytest.mark.parametrize(("ratio", "least"), [(1.0, "0" * 14), (0.5, "8" + "0" * 13), (0.0, NEVER)])
def test_threshold_is_the_part_that_is_rejected(ratio: float, least: str) -> None:
    assert least == threshold(ratio)


def test_trace_when_it_is_sampled_at_a_ratio_is_at_every_greater_one() -> None:
    for seed in range(500):
        sampled = [
            new_trace(random.Random(seed).getrandbits, threshold(ratio)).sampled for ratio in (0.01, 0.1, 0.5, 1.0)
        ]
        assert sorted(sampled) == sampled
        assert sampled[-1]


@pytest.mark.parametrize("flags", ["00", "01", "02", "03"])
@pytest.mark.parametrize(
    ("trace_id", "ratio", "expected"),
    [
        ("f" * 32, 0.01, True), ("f" * 32, 0.0, False), ("f" * 18 + "0" * 14, 0.99, False),
        ("f" * 18 + "0" * 14, 1.0, True),
    ],
)  # fmt: skip
def test_caller_when_it_is_not_followed_is_sampled_by_its_trace_id(
    flags: str, trace_id: str, ratio: float, expected: bool
) -> None:
    for text in (PARENT.format(trace_id, flags), f"cc-{trace_id}-00f067aa0ba902b7-{flags}-more"):
        trace = parse_trace([text], (), random.Random(1).getrandbits, threshold(ratio))
        assert trace is not None
        assert expected == trace.sampled
        assert int(flags) & 2 == trace.flags & 2


@pytest.mark.parametrize("flags", ["00", "01", "02", "03"])
def test_caller_when_it_is_followed_is_sampled_as_it_says(flags: str) -> None:
    trace = parse_trace([PARENT.format("0" * 31 + "1", flags)])
    assert trace is not None
    assert int(flags) == trace.flags
