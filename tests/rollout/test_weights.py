from collections import Counter
from collections.abc import Mapping

import pytest

from perdure import RolloutSettings
from perdure.rollout.health import Health, Seen
from perdure.rollout.weights import Share, ranking, unit

CLIENTS = [f"client-{number}" for number in range(4000)]


def share(weights: Mapping[str, int], health: Mapping[str, Health] | None = None, now_s: float = 0.0) -> Share:
    return Share("stable", weights, lambda: "base", lambda _: ["refuge"], health or {}, lambda: now_s)


def placed(weights: Mapping[str, int], health: Mapping[str, Health] | None = None) -> dict[str, str]:
    shared = share(weights, health)
    return {client: shared.version_for(client) for client in CLIENTS}


def unwell() -> Health:
    health = Health(RolloutSettings(health_min_requests=1))
    health.add(Seen(1, 1, 0), 0.0)
    health.judge(0.0)
    assert "out" == health.condition
    return health


@pytest.mark.parametrize(
    "weights", [{"a": 50, "b": 50}, {"a": 90, "b": 10}, {"a": 60, "b": 30, "c": 10}, {"a": 1, "b": 2}]
)
def test_clients_are_shared_out_by_weight(weights: dict[str, int]) -> None:
    counts = Counter(placed(weights).values())
    for name, weight in weights.items():
        expected = len(CLIENTS) * weight / sum(weights.values())
        assert abs(counts[name] - expected) < 5 * expected**0.5


def test_client_when_it_comes_again_gets_the_same_version_in_every_process() -> None:
    weights = {"a": 50, "b": 50}
    assert placed(weights) == placed(dict(reversed(weights.items())))
    assert {"a": 1989, "b": 2011} == dict(sorted(Counter(placed(weights).values()).items())), (
        "a new hash moves every client"
    )


def test_clients_when_a_share_grows_move_only_to_it() -> None:
    before, after = placed({"a": 90, "b": 10}), placed({"a": 70, "b": 30})
    moved = [client for client in CLIENTS if before[client] != after[client]]
    assert {"b"} == {after[client] for client in moved}
    assert abs(len(moved) - 0.2 * len(CLIENTS)) < 150


def test_clients_when_a_version_is_taken_out_only_its_own_move() -> None:
    weights = {"a": 50, "b": 30, "c": 20}
    before, after = placed(weights), placed(weights, {"b": unwell()})
    assert all(after[client] == before[client] for client in CLIENTS if before[client] != "b")
    assert {"a", "c"} == {after[client] for client in CLIENTS if before[client] == "b"}


def test_clients_of_another_tag_are_shared_out_anew() -> None:
    same = sum(ranking("x", client, {"a": 1, "b": 1}) == ranking("y", client, {"a": 1, "b": 1}) for client in CLIENTS)
    assert abs(same - len(CLIENTS) / 2) < 200


def test_version_without_weight_has_no_clients() -> None:
    assert {"a"} == set(placed({"a": 100, "b": 0}).values())


def test_tag_without_shares_leads_to_its_version_and_to_a_refuge_when_that_is_unhealthy() -> None:
    assert "base" == share({}).version_for("x")
    assert "refuge" == share({}, {"base": unwell()}).version_for("x")


def test_clients_when_nothing_is_healthy_stay_where_they_are() -> None:
    everything = {"a": unwell(), "b": unwell(), "refuge": unwell()}
    assert placed({"a": 50, "b": 50}) == placed({"a": 50, "b": 50}, everything)


def test_unit_is_evenly_spread_and_never_at_an_end() -> None:
    values = [unit("x", client) for client in CLIENTS]
    assert 0 < min(values) < 0.01
    assert 0.99 < max(values) < 1
    assert abs(sum(values) / len(values) - 0.5) < 0.02
    assert unit("ab", "c") != unit("a", "bc")


def test_memory_of_clients_is_bounded() -> None:
    shared = share({"a": 50, "b": 50})
    for number in range(20_000):
        shared.version_for(f"c{number}")
    assert len(shared._remembered) <= 8192
