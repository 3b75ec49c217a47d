import time

import pytest

from perdure.context.exchange import Exchange
from perdure.errors import ConfigError, RevisionError, UnknownVersionError, VersionClosedError
from perdure.gtype.nodes import Number
from perdure.manifest.records import Api
from perdure.timescape.recorded import RecordedRevision, record
from perdure.timescape.revision import Revision
from perdure.timescape.steering import OPEN, Closed, Steering
from perdure.timescape.timescape import Timescape
from tests.policy.exchanges import from_address


def revisions(*instants_and_labels: tuple[str, str | None]) -> list[RecordedRevision]:
    found: list[RecordedRevision] = []
    before = Api()
    for place, (instant, label) in enumerate(instants_and_labels):
        after = Api(types={"T": Number(ge=place)})
        found.append(record(f"r{place}", Revision(instant, label=label), before=before, after=after))
        before = after
    return found


SHOP = (("2025-01-15", "v1.0.0"), ("2025-06-01", "v2.0.0"), ("2026-02-10", "v3.0.0-rc.1"))


def never_asked() -> Exchange:
    """An exchange for where none is looked at."""
    return from_address("192.0.2.1:50000")


def names(timescape: Timescape) -> list[str]:
    return [version.name for version in timescape.versions]


def test_versions_when_there_are_none_are_one_that_every_date_leads_to() -> None:
    timescape = Timescape()
    assert names(timescape) == ["unversioned"]
    assert [timescape.resolve(text) for text in ("unversioned", "2025-01-01", "1970-01-01T00:00:00Z", "stable")] == [
        0,
        0,
        0,
        0,
    ]
    assert Api() == timescape.api_at(0)
    with pytest.raises(UnknownVersionError):
        timescape.resolve("v1")


def test_client_pinned_before_there_were_versions_when_they_come_gets_the_oldest() -> None:
    assert Timescape(revisions(*SHOP)).resolve("unversioned") == 0


def test_names_when_a_second_version_comes_on_a_day_still_lead_to_the_first() -> None:
    one = Timescape(revisions(("2025-01-15", None)))
    two = Timescape(revisions(("2025-01-15", None), ("2025-01-15T08:00:00Z", None)))
    assert names(one) == ["2025-01-15"]
    assert names(two) == ["2025-01-15", "2025-01-15T08:00:00Z"]
    assert two.resolve("2025-01-15") == 0


def test_names_when_versions_share_a_second_are_numbered_in_their_order() -> None:
    timescape = Timescape(revisions(("2025-01-15", None), ("2025-01-15", None)))
    assert names(timescape) == ["2025-01-15T00:00:00Z.000", "2025-01-15T00:00:00Z.001"]
    assert [timescape.resolve(text) for text in (*names(timescape), "2025-01-15")] == [0, 1, 1]
    assert [timescape.tsv("h", index) for index in (0, 1)] == ["tsv:1736899200-h-000", "tsv:1736899200-h-001"]


def test_extra_versions_when_declared_stand_between_revisions_and_keep_their_api() -> None:
    timescape = Timescape(revisions(*SHOP), extra=["2025-03-01", "v2.0.0", "2025-06-01", "2024-01-01T00:00:00Z"])
    assert names(timescape) == ["2024-01-01", "2025-01-15", "2025-03-01", "2025-06-01", "2026-02-10"]
    assert [version.revision for version in timescape.versions] == [None, "r0", None, "r1", "r2"]
    assert Api() == timescape.api_at(0)
    assert timescape.api_at(1) is timescape.api_at(2)


def test_extra_labels_when_there_are_no_dates_are_ordered_by_precedence() -> None:
    timescape = Timescape(extra=["v10.0.0", "v2.0.0", "2.0.0"])
    assert names(timescape) == ["v2.0.0", "v10.0.0"]
    assert [timescape.resolve(text) for text in ("v2", ">=2", "2025-01-01")] == [0, 1, 1]


@pytest.mark.parametrize("extra", [["v9.0.0"], ["v1"], ["soon"], ["2025-01-15T00:00:00.5Z"], ["2025-02-30"]])
def test_extra_versions_when_they_cannot_be_ordered_are_refused(extra: list[str]) -> None:
    with pytest.raises(RevisionError, match="is declared for"):
        Timescape(revisions(*SHOP), extra)


def test_stable_when_the_newest_label_is_a_prerelease_is_the_one_before() -> None:
    timescape = Timescape(revisions(*SHOP))
    assert (timescape.resolve("latest"), timescape.resolve("stable"), timescape.default) == (2, 1, 1)
    assert [version.tags for version in timescape.versions] == [(), ("stable",), ("latest",)]


def test_tags_when_set_are_seen_at_once_by_resolution_and_default() -> None:
    timescape = Timescape(revisions(*SHOP), tags={"mobile": "v1", "live": "stable"}, default="live")
    assert (timescape.resolve("mobile"), timescape.default) == (0, 1)
    timescape.steer(Steering(tags={"live": 0}))
    assert (timescape.resolve("live"), timescape.default) == (0, 0)
    timescape.steer(Steering(tags={"live": 0, "stable": 2}))
    assert timescape.resolve("stable") == 2
    timescape.steer(Steering(tags={"live": 0}))
    assert timescape.resolve("stable") == 1
    with pytest.raises(ConfigError, match="cannot be a tag"):
        timescape.steer(Steering(tags={"latest": 0}))
    assert timescape.default == 0
    timescape.steer(OPEN)
    assert timescape.default == 1


def test_hidden_versions_when_asked_for_do_not_exist() -> None:
    timescape = Timescape(revisions(*SHOP), tags={"newest": "v3.0.0-rc.1"})
    timescape.steer(Steering(hidden=frozenset({2})))
    assert 1 == timescape.resolve("latest") == timescape.resolve("stable") == timescape.resolve("2026-12-01")
    for text in ("v3.0.0-rc.1", "newest"):
        with pytest.raises(UnknownVersionError):
            timescape.resolve(text)
    with pytest.raises(ConfigError, match="hidden"):
        timescape.steer(Steering(hidden=frozenset({0, 1, 2})))
    assert 1 == timescape.default


def test_closed_versions_when_asked_for_by_name_say_so_and_ranges_pass_them_by() -> None:
    timescape = Timescape(revisions(*SHOP))
    exchange = never_asked()
    assert 0 == timescape.state.find("v1", exchange)
    timescape.steer(Steering(closed={0: Closed(reason="it was retired", successor="2025-06-01")}))
    for text in ("v1", "v1.0.0", timescape.versions[0].name):
        with pytest.raises(VersionClosedError) as caught:
            timescape.state.find(text, exchange)
        assert ("2025-06-01", timescape.versions[0].name) == (caught.value.successor, caught.value.version)
    assert 1 == timescape.state.find("<3", exchange)
    timescape.steer(Steering(closed={1: Closed(reason="it was retired", successor=None)}))
    assert (0, 0) == (timescape.resolve("stable"), timescape.resolve("<3"))
    timescape.steer(OPEN)
    assert 0 == timescape.state.find("v1", exchange)


def test_who_asks_for_nothing_when_choices_are_made_gets_what_is_chosen() -> None:
    timescape = Timescape(revisions(*SHOP))
    exchange = never_asked()
    timescape.steer(Steering(splits={"stable": lambda _: 2, "beta": lambda _: 0}))
    assert (2, 2, 0) == tuple(timescape.state.find(text, exchange) for text in ("stable", " stable ", "beta"))
    assert 2 == timescape.state.find_default(exchange)
    timescape.steer(Steering(choose=lambda _: 0, closed={0: Closed(reason="gone", successor=None)}))
    with pytest.raises(VersionClosedError):
        timescape.state.find_default(exchange)


@pytest.mark.parametrize(
    "tag", ["latest", "unversioned", "v1", "1.2.x", "x", "2025-01-15", "tsv:1-a-000", "", "a b", "ünder"]
)
def test_tag_when_it_could_be_mistaken_is_refused(tag: str) -> None:
    with pytest.raises(ConfigError):
        Timescape(revisions(*SHOP), tags={tag: "v1.0.0"})


def test_configuration_when_it_names_no_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="mobile"):
        Timescape(revisions(*SHOP), tags={"mobile": "v9"})
    with pytest.raises(ConfigError, match="there are 2025-01-15"):
        Timescape(revisions(*SHOP), default="v9")


def test_unknown_version_when_reported_lists_names_labels_and_tags() -> None:
    with pytest.raises(UnknownVersionError) as caught:
        Timescape(revisions(*SHOP)).resolve("v9")
    expected = ("2025-01-15", "2025-06-01", "2026-02-10", "v1.0.0", "v2.0.0", "v3.0.0-rc.1", "latest", "stable")
    assert expected == caught.value.known


def test_resolve_when_given_a_tsv_needs_the_handler() -> None:
    timescape = Timescape(revisions(*SHOP))
    tsv = timescape.tsv("orders-create", 1)
    assert timescape.resolve_tsv(tsv, "orders-create") == 1
    for handler in ("orders", "create", "orders-create-000", ""):
        with pytest.raises(UnknownVersionError):
            timescape.resolve_tsv(tsv, handler)
    with pytest.raises(UnknownVersionError):
        timescape.resolve(tsv)


def test_resolve_when_flooded_with_new_instants_stays_right() -> None:
    timescape = Timescape(revisions(*SHOP))
    for second in range(3000):
        assert timescape.resolve(f"2025-02-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z") == 0
    assert timescape.resolve("2027-01-01") == 2


def test_resolve_is_quick() -> None:
    timescape = Timescape(revisions(*((f"{2000 + year}-01-01", f"v{year}.0.0") for year in range(100))))
    timescape.resolve("2050-06-01")
    best = 1.0
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(500):
            timescape.resolve("2050-06-01")
        best = min(best, (time.perf_counter() - start) / 500)
    assert best < 1e-4, "1.5 µs on an idle core"
