import email.utils

import pytest

from perdure.rollout.headers import brownout_at, closed_by, lifecycle_headers
from perdure.store.records import VersionControl

ENDING = VersionControl(status="active", deprecated_s=1_688_169_599.9, sunset_s=1_798_761_600.0, link="https://x/y")


def test_version_without_an_end_says_nothing() -> None:
    assert () == lifecycle_headers(VersionControl(status="active"), "v2", "version")


def test_deprecation_is_a_structured_date_and_sunset_an_http_date() -> None:
    headers = dict(lifecycle_headers(ENDING, None, None))
    assert "@1688169599" == headers["deprecation"], "RFC 9745, example 1"
    assert 1_798_761_600 == email.utils.parsedate_to_datetime(headers["sunset"]).timestamp()
    assert headers["sunset"].endswith(" GMT")


@pytest.mark.parametrize(
    ("successor", "query", "link"),
    [("2026-01-01", "version", "<?version=2026-01-01>"), ("2026-01-01T10:00:00Z", "v", "<?v=2026-01-01T10:00:00Z>"),
     ("v1.0.0+build", "ver sion", "<?ver%20sion=v1.0.0%2Bbuild>")],
)  # fmt: skip
def test_successor_is_linked_by_the_query_that_names_it(successor: str, query: str, link: str) -> None:
    headers = dict(lifecycle_headers(VersionControl(status="active", deprecated_s=1.0), successor, query))
    assert f'{link}; rel="successor-version"' == headers["link"]


def test_link_when_only_the_sunset_is_known_is_about_that() -> None:
    headers = dict(lifecycle_headers(VersionControl(sunset_s=1.0, link="https://x"), None, None))
    assert '<https://x>; rel="sunset"; type="text/html"' == headers["link"]


def test_retired_version_says_when_and_where_to_go() -> None:
    closed = closed_by(VersionControl(status="retired", retired_s=1_798_761_600.0), "v2", "version", 1.0)
    assert closed is not None
    assert ("it was retired on 2027-01-01", "v2", None) == (closed.reason, closed.successor, closed.retry_after_s)
    assert {"link": '<?version=v2>; rel="successor-version"'} == dict(closed.headers)


@pytest.mark.parametrize(("now_s", "until_s"), [(9.9, None), (10.0, 20.0), (19.9, 20.0), (20.0, None), (25.0, 30.0)])
def test_brownout_is_from_its_begin_up_to_not_including_its_end(now_s: float, until_s: float | None) -> None:
    assert until_s == brownout_at(VersionControl(brownouts=((10.0, 20.0), (25.0, 30.0))), now_s)


def test_brownout_never_says_less_time_than_is_left() -> None:
    control = VersionControl(status="active", brownouts=((0.0, 60.0),), sunset_s=86_400.0)
    for now_s in (0.0, 0.1, 31.0, 59.99):
        closed = closed_by(control, None, None, now_s)
        assert closed is not None
        assert closed.retry_after_s is not None
        assert 60 - now_s <= closed.retry_after_s < 60 - now_s + 5
        assert "for good on 1970-01-02" in closed.reason
