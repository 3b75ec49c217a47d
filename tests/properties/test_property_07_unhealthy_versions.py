"""Property 7: traffic leaves an unhealthy version.

Clients ask for nothing or for tags, all the time, and versions are broken and mended at drawn moments. The oracle keeps
every answer that was given and counts, at each moment, those within the window one by one: once they say that a version
is bad, nobody who did not ask for it by its own name may be sent there for a whole window, as long as a version that
never failed is left. And nobody is moved without a reason: where a client's own version never failed, it stays there.
"""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import RolloutSettings
from perdure.rollout import decisions
from perdure.store.records import Control
from tests.rollout.builds import Build

NAMES = ("v1.0.0", "v2.0.0", "v3.0.0", "v4.0.0")
CLIENTS = tuple(f"10.0.0.{number}" for number in range(6))
STEP_S, WINDOW_S = 0.5, 4.0
TAGS = (None, "stable", "latest", "beta")

policies = st.builds(
    RolloutSettings, health_window_s=st.just(WINDOW_S), health_min_requests=st.integers(1, 15),
    unhealthy_percent=st.sampled_from([10.0, 25.0, 50.0, 100.0]), probe_requests=st.integers(1, 5),
)  # fmt: skip
shares = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 40), max_size=4).filter(
    lambda each: sum(each.values()) <= 100
)
steps = st.lists(st.frozensets(st.sampled_from(NAMES), max_size=3), min_size=4, max_size=30)
"""For each half second, the versions whose handlers fail."""


class Oracle:
    """Every answer there was: when, of which version, whether it failed."""

    def __init__(self, policy: RolloutSettings) -> None:
        self.policy = policy
        self.answers: list[tuple[float, str, bool]] = []
        self.bad_since: dict[str, float] = {}

    def judge(self, now_s: float) -> None:
        for name in NAMES:
            recent = [failed for at_s, version, failed in self.answers if version == name and at_s > now_s - WINDOW_S]
            is_bad = len(recent) >= self.policy.health_min_requests and (
                100 * sum(recent) >= self.policy.unhealthy_percent * len(recent)
            )
            if is_bad and name not in self.bad_since:
                self.bad_since[name] = now_s

    def is_out(self, name: str, now_s: float) -> bool:
        return name in self.bad_since and now_s < self.bad_since[name] + WINDOW_S

    def has_failed(self, name: str) -> bool:
        return any(failed for _, version, failed in self.answers if version == name)


def build(policy: RolloutSettings, weights: Mapping[str, Mapping[str, int]], beta: str) -> Build:
    process = Build(NAMES, settings=policy)

    def edit(control: Control) -> Control:
        control = decisions.set_tag(control, "beta", beta, process.rollout.roster())
        for tag, percents in weights.items():
            if percents:
                base = "v4.0.0" if "v4.0.0" not in percents else next(n for n in (*NAMES, "none") if n not in percents)
                if sum(percents.values()) < 100 and base != "none":
                    control = decisions.weigh(control, tag, percents, base)
        return control

    process.store.decide("pets", edit, actor="test", action="weigh", at_s=0.0)
    process.rollout.refresh()
    return process


@settings(max_examples=150, deadline=None)
@given(policies, shares, shares, st.sampled_from(NAMES), steps, st.frozensets(st.sampled_from(NAMES), max_size=2))
def test_traffic_leaves_an_unhealthy_version_and_returns_to_it(
    policy: RolloutSettings, stable: dict[str, int], beta_shares: dict[str, int], beta: str,
    failing: list[frozenset[str]], asked_by_name: frozenset[str],
) -> None:  # fmt: skip
    process = build(policy, {"stable": stable, "beta": beta_shares}, beta)
    own = {(tag, client): process.served(tag, client) for tag in TAGS for client in CLIENTS}
    oracle = Oracle(policy)
    for broken in failing:
        answers: list[tuple[str, str]] = []
        now_s = process.clock.monotonic()
        for tag in TAGS:
            for client in CLIENTS:
                version = process.served(tag, client)
                if any(not oracle.has_failed(name) for name in NAMES):
                    assert not oracle.is_out(version, now_s), f"{client} was sent to {version} for {tag}"
                if not oracle.has_failed(own[tag, client]):
                    assert version == own[tag, client]
                answers.append((version, client))
        for name in asked_by_name:
            assert name == process.served(name)
            answers.append((name, CLIENTS[0]))
        process.clock.advance(STEP_S)
        for version, client in answers:
            failed = version in broken
            process.answer(version, 500 if failed else 200, client=client)
            oracle.answers.append((process.clock.monotonic(), version, failed))
        process.rollout.tick()
        oracle.judge(process.clock.monotonic())
    process.pass_time(22 * WINDOW_S, 1.0)  # all is mended; the longest pause passes
    for _ in range(round(4 * WINDOW_S / STEP_S)):
        for tag in TAGS:
            for client in CLIENTS:
                process.answer(process.served(tag, client), client=client)
        process.pass_time(STEP_S, STEP_S)
    assert own == {(tag, client): process.served(tag, client) for tag in TAGS for client in CLIENTS}
