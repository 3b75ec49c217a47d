import pytest

from perdure.errors import DecisionError
from perdure.rollout import decisions
from perdure.rollout.roster import Roster
from perdure.store.records import Control, PublishedVersion, VersionControl

NAMES = ("2025-01-01", "2025-06-01", "2026-01-01")
LABELS = dict(zip(NAMES, ("v1.0.0", "v2.0.0", "v3.0.0"), strict=True))


def control(*statuses: str) -> Control:
    wanted = statuses or ("active", "active", "active")
    versions = {
        name: VersionControl(status=status, registered_s=1.0, activated_s=2.0 if status != "registered" else None)  # type: ignore[arg-type]
        for name, status in zip(NAMES, wanted, strict=True)
    }
    return Control(versions=versions)


def roster(decided: Control, **pinned: int) -> Roster:
    versions = tuple(PublishedVersion(name=name, seconds=n, label=LABELS[name]) for n, name in enumerate(NAMES))
    active = [name for name in NAMES if decided.versions[name].status == "active"]
    tags = {"latest": active[-1], "stable": active[-1], **decided.tags}
    return Roster(
        versions=versions, control=decided, tags=tags, pinned={k.replace("_", "-")[1:]: n for k, n in pinned.items()}
    )


def statuses(decided: Control) -> list[str]:
    return [each.status for each in decided.versions.values()]


@pytest.mark.parametrize("text", ["2025-06-01", "v2.0.0", "2.0.0"])
def test_version_when_called_by_name_or_label_is_found(text: str) -> None:
    assert "2025-06-01" == roster(control()).find(text)


@pytest.mark.parametrize("text", ["2025-07-01", "v2", "2.x", "", "beta"])
def test_version_when_it_could_only_be_meant_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(DecisionError, match=r"2025-06-01 \(v2\.0\.0\).*tags: latest, stable"):
        roster(control()).find(text)


def test_activation_when_rolled_back_leaves_the_version_waiting() -> None:
    before = control("active", "active", "registered")
    after = decisions.activate(before, ("2026-01-01",), 9.0)
    assert ["active", "active", "active"] == statuses(after)
    assert 9.0 == after.versions["2026-01-01"].activated_s
    back = decisions.roll_back(after)
    assert ["active", "active", "registered"] == statuses(back)
    assert 9.0 == back.versions["2026-01-01"].activated_s, "it must not activate by itself again"


def test_activation_when_it_is_active_is_refused() -> None:
    with pytest.raises(DecisionError, match="active already"):
        decisions.activate(control(), ("2026-01-01",), 9.0)


def test_rollback_when_repeated_takes_back_one_decision_each() -> None:
    first = decisions.set_tag(control(), "beta", "2025-01-01", roster(control()))
    second = decisions.set_tag(first, "beta", "2025-06-01", roster(first))
    third = decisions.weigh(second, "beta", {"2026-01-01": 10}, "2025-06-01")
    assert {"beta": {"2026-01-01": 10, "2025-06-01": 90}} == third.weights
    back = decisions.roll_back(third)
    assert (second.tags, second.weights) == (back.tags, back.weights)
    back = decisions.roll_back(back)
    assert first.tags == back.tags
    back = decisions.roll_back(back)
    assert {} == back.tags
    with pytest.raises(DecisionError, match="nothing to take back"):
        decisions.roll_back(back)


def test_rollback_when_other_things_were_decided_since_leaves_them() -> None:
    tagged = decisions.set_tag(control(), "beta", "2025-01-01", roster(control()))
    retained = decisions.retain(tagged, "2025-06-01", retained=True)
    assert decisions.roll_back(retained).versions["2025-06-01"].retained


def test_rollback_when_it_would_lead_to_a_retired_version_is_refused() -> None:
    first = decisions.set_tag(control(), "beta", "2025-01-01", roster(control()))
    moved = decisions.set_tag(first, "beta", "2025-06-01", roster(first))
    retired = decisions.retire(moved, "2025-01-01", roster(moved), 9.0)
    with pytest.raises(DecisionError, match=r"2025-01-01 is retired.*activate 2025-01-01"):
        decisions.roll_back(retired)


def test_rollbacks_that_are_kept_are_few() -> None:
    decided = control()
    for number in range(100):
        decided = decisions.set_tag(decided, "beta", NAMES[number % 2], roster(decided))
    assert len(decided.undo) <= 20
    assert all(not each.undo for each in decided.undo)


@pytest.mark.parametrize(
    "tag",
    [
        "latest",
        "unversioned",
        "v4",
        "4",
        "1.x",
        "x",
        "2025-06-01",
        "2027-01-01",
        "v2.0.0",
        "a b",
        "",
        "é",
        "a" * 65,
        "tsv:1-a-000",
    ],
)
def test_tag_when_it_reads_as_something_else_is_refused(tag: str) -> None:
    with pytest.raises(DecisionError, match="cannot be a tag"):
        decisions.set_tag(control(), tag, "2025-06-01", roster(control()))


@pytest.mark.parametrize("status", ["registered", "retired"])
def test_tag_when_the_version_does_not_serve_is_refused(status: str) -> None:
    decided = control(status, "active", "active")
    with pytest.raises(DecisionError, match="cannot lead to it"):
        decisions.set_tag(decided, "beta", "2025-01-01", roster(decided))


def test_tag_when_it_was_shared_out_leads_all_to_one_version() -> None:
    shared = decisions.weigh(control(), "stable", {"2026-01-01": 10}, "2025-06-01")
    assert {} == decisions.set_tag(shared, "stable", "2026-01-01", roster(shared)).weights


def test_untag_when_nobody_set_it_is_refused() -> None:
    with pytest.raises(DecisionError, match="'beta' was not set here; tags that were: none"):
        decisions.unset_tag(control(), "beta")


@pytest.mark.parametrize(
    ("percents", "base"),
    [({"2025-01-01": 101}, None), ({"2025-01-01": -1}, "2025-06-01"), ({"2025-01-01": 60, "2025-06-01": 60}, None),
     ({"2025-01-01": 60}, None), ({"2025-01-01": 60}, "2025-01-01"), ({}, "2025-06-01")],
)  # fmt: skip
def test_shares_that_make_no_sense_are_refused(percents: dict[str, int], base: str | None) -> None:
    with pytest.raises(DecisionError, match="share"):
        decisions.weigh(control(), "stable", percents, base)


def test_share_of_a_version_that_does_not_serve_is_refused() -> None:
    with pytest.raises(DecisionError, match="not active yet"):
        decisions.weigh(control("active", "active", "registered"), "stable", {"2026-01-01": 10}, "2025-06-01")


def test_introduction_is_one_decision() -> None:
    before = control("active", "active", "registered")
    after = decisions.introduce(before, "2026-01-01", "stable", "2025-06-01", 10, 9.0)
    assert {"stable": {"2026-01-01": 10, "2025-06-01": 90}} == after.weights
    back = decisions.roll_back(after)
    assert (["active", "active", "registered"], {}) == (statuses(back), back.weights)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda c: c, "the tag 'latest' stands for it"),
        (lambda c: decisions.weigh(c, "beta", {"2026-01-01": 100}, None), "shares clients out to it"),
        (lambda c: decisions.retain(c, "2026-01-01", retained=True), "it is retained"),
    ],
)
def test_retirement_when_something_leads_to_the_version_is_refused_without_force(edit: object, reason: str) -> None:
    decided = edit(control())  # type: ignore[operator]
    with pytest.raises(DecisionError, match=reason):
        decisions.retire(decided, "2026-01-01", roster(decided), 9.0)
    forced = decisions.retire(decided, "2026-01-01", roster(decided), 9.0, force=True)
    assert "retired" == forced.versions["2026-01-01"].status
    assert {} == forced.weights


def test_retirement_when_clients_are_pinned_is_refused() -> None:
    with pytest.raises(DecisionError, match="2 clients are pinned to it"):
        decisions.retire(control(), "2025-01-01", roster(control(), _2025_01_01=2), 9.0)


def test_retirement_of_the_last_version_is_refused_even_with_force() -> None:
    decided = control("retired", "active", "registered")
    with pytest.raises(DecisionError, match="only version that serves"):
        decisions.retire(decided, "2025-06-01", roster(decided), 9.0, force=True)


def test_retirement_when_forced_drops_tags_that_lead_to_the_version() -> None:
    tagged = decisions.set_tag(control(), "beta", "2025-01-01", roster(control()))
    assert {} == decisions.retire(tagged, "2025-01-01", roster(tagged), 9.0, force=True).tags


def test_retired_version_when_activated_serves_again() -> None:
    retired = decisions.retire(control(), "2025-01-01", roster(control()), 9.0)
    back = decisions.activate(retired, ("2025-01-01",), 11.0)
    assert ("active", None) == (back.versions["2025-01-01"].status, back.versions["2025-01-01"].retired_s)


@pytest.mark.parametrize("link", ["https://example.com/a b", "https://é", 'x"y', "a>b", "a\r\nset-cookie: x"])
def test_link_that_cannot_stand_in_a_header_is_refused(link: str) -> None:
    with pytest.raises(DecisionError, match="no address"):
        decisions.announce_end(control(), "2025-01-01", deprecated_s=1.0, sunset_s=None, link=link)


def test_end_before_the_deprecation_is_refused() -> None:
    with pytest.raises(DecisionError, match="RFC 9745"):
        decisions.announce_end(control(), "2025-01-01", deprecated_s=9.0, sunset_s=8.0, link=None)


@pytest.mark.parametrize("window", [(5.0, 5.0), (5.0, 4.0), (5.0, float("inf")), (5.0, float("nan"))])
def test_brownout_that_ends_before_it_begins_is_refused(window: tuple[float, float]) -> None:
    with pytest.raises(DecisionError, match="must end after"):
        decisions.brown_out(control(), "2025-01-01", [window])


@pytest.mark.parametrize("until_s", [253_402_300_799.5, 253_402_300_800.0, 8.6e15])
def test_time_that_no_answer_can_tell_is_refused(until_s: float) -> None:
    with pytest.raises(DecisionError, match="years 1 to 9999"):
        decisions.brown_out(control(), "2025-01-01", [(5.0, until_s)])
    with pytest.raises(DecisionError, match="years 1 to 9999"):
        decisions.announce_end(control(), "2025-01-01", deprecated_s=9.0, sunset_s=until_s, link=None)


def test_last_second_of_the_calendar_is_a_time() -> None:
    decided = decisions.brown_out(control(), "2025-01-01", [(5.0, 253_402_300_799.0)])
    assert ((5.0, 253_402_300_799.0),) == decided.versions["2025-01-01"].brownouts


def test_cold_version_when_something_leads_to_it_by_now_is_not_retired() -> None:
    tagged = decisions.set_tag(control(), "beta", "2025-01-01", roster(control()))
    assert tagged is decisions.retire_cold(tagged, "2025-01-01", lambda *_: True, 9.0)
    assert (
        "retired" == decisions.retire_cold(control(), "2025-01-01", lambda *_: True, 9.0).versions["2025-01-01"].status
    )
    assert (
        "active" == decisions.retire_cold(control(), "2025-01-01", lambda *_: False, 9.0).versions["2025-01-01"].status
    )


def test_rest_of_the_shares_goes_to_the_others_as_they_are() -> None:
    shared = decisions.weigh(control(), "stable", {"2025-01-01": 50, "2025-06-01": 25, "2026-01-01": 25}, None)
    more = decisions.weigh(shared, "stable", {"2026-01-01": 40}, "2026-01-01")
    assert {"2025-01-01": 40, "2025-06-01": 20, "2026-01-01": 40} == more.weights["stable"]
    odd = decisions.weigh(more, "stable", {"2025-06-01": 1}, None)
    assert {"2025-01-01": 50, "2025-06-01": 1, "2026-01-01": 49} == odd.weights["stable"]
    assert 100 == sum(odd.weights["stable"].values())
