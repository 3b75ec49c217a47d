from math import inf

import pytest

from perdure.context.principal import Principal
from perdure.rollout.clients import ClientNames
from perdure.rollout.tally import Tally
from perdure.rollout.usage import OTHERS, Usage
from tests.rollout.builds import asking

NAMES = ClientNames(None)


def test_requests_are_counted_by_version_and_client_whatever_the_port() -> None:
    tally = Tally(("a", "b"), NAMES, 1.0)
    for port in (1, 2, 3):
        tally.count("a", asking("10.0.0.1", port=port), 200, 0.1)
    tally.count("a", asking("10.0.0.2"), 500, 2.0)
    tally.count("b", asking("10.0.0.2"), 404, 1.0)
    assert {
        "a": (4, 1, 1, {"10.0.0.1": 3, "10.0.0.2": 1}),
        "b": (1, 0, 0, {"10.0.0.2": 1}),
    } == tally.collect()
    assert {} == tally.collect()


def test_requests_of_who_showed_who_it_is_are_counted_by_its_name() -> None:
    tally = Tally(("a",), NAMES, inf)
    for subject in ("123", "123", "ada"):
        exchange = asking("10.0.0.1")
        exchange.principal = Principal(subject=subject, scheme="api_key")
        tally.count("a", exchange, 200, 0.1)
    tally.count("a", asking("10.0.0.1"), 200, 0.1)
    assert {"api_key:123": 2, "api_key:ada": 1, "10.0.0.1": 1} == tally.collect()["a"].clients


@pytest.mark.parametrize("requests", [511, 512, 513, 5_000, 200_000])
def test_requests_when_there_are_very_many_are_all_counted_and_shared_out_fairly(requests: int) -> None:
    tally = Tally(("a",), NAMES, inf)
    exchanges = [asking(f"10.0.0.{number % 4}") for number in range(7)]
    for number in range(requests):
        tally.count("a", exchanges[number % 7], 200, 0.1)
    counted = tally.collect()["a"]
    assert requests == counted.requests == sum(counted.clients.values())
    assert len(counted.clients) == 4
    for name, of_seven in (("10.0.0.0", 2), ("10.0.0.1", 2), ("10.0.0.2", 2), ("10.0.0.3", 1)):
        assert abs(counted.clients[name] - requests * of_seven / 7) <= 20 + requests * 0.02


def test_memory_when_nobody_collects_is_bounded() -> None:
    tally = Tally(("a",), NAMES, inf)
    for number in range(300_000):
        tally.count("a", asking(f"10.0.{number % 256}.1") if number % 1000 == 0 else EXCHANGE, 200, 0.1)
    cell = tally._cells["a"]
    assert len(cell.noted) + len(cell.sampled) <= 5_000


EXCHANGE = asking()


def test_clients_beyond_the_limit_are_counted_together() -> None:
    usage, tally = Usage(client_limit=2), Tally(("a",), NAMES, inf)
    for number in (1, 2, 3, 4, 1):
        tally.count("a", asking(f"10.0.0.{number}"), 200, 0.1)
    usage.add(tally.collect(), 7200.0)
    taken = {(each.version, each.client, each.hour): each.requests for each in usage.take()}
    assert {("a", "10.0.0.1", 2): 2, ("a", "10.0.0.2", 2): 1, ("a", OTHERS, 2): 2} == taken
    tally.count("a", asking("10.0.0.9"), 200, 0.1)
    usage.add(tally.collect(), 10_800.0)
    assert ["10.0.0.9"] == [each.client for each in usage.take()], "a new hour knows nobody"


def test_usage_that_could_not_be_written_is_added_to_what_came_since() -> None:
    usage, tally = Usage(client_limit=10), Tally(("a",), NAMES, inf)
    tally.count("a", asking(), 200, 0.1)
    usage.add(tally.collect(), 10.0)
    kept = usage.take()
    assert () == usage.take()
    tally.count("a", asking(), 200, 0.1)
    usage.add(tally.collect(), 20.0)
    usage.put_back(kept)
    (count,) = usage.take()
    assert (2, 20.0) == (count.requests, count.last_s)


def test_client_without_a_name_is_one_of_the_others() -> None:
    usage, tally = Usage(client_limit=10), Tally(("a",), ClientNames(None), inf)
    exchange = asking()
    exchange._scope["client"] = None
    tally.count("a", exchange, 200, 0.1)
    usage.add(tally.collect(), 10.0)
    assert [OTHERS] == [each.client for each in usage.take()]
