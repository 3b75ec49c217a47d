"""Property 33: any version preference resolves to the right version.

The oracle searches the versions one by one. Preferences are generated as data and judged as data (datetime arithmetic,
pairwise semver precedence, ranges by what npm's documentation says of each notation); only the code under test parses.
"""

import datetime as dt
from dataclasses import dataclass
from functools import cmp_to_key

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.errors import UnknownVersionError, VersionClosedError
from perdure.manifest.records import Api
from perdure.timescape.recorded import RecordedRevision, record
from perdure.timescape.revision import Revision
from perdure.timescape.steering import OPEN, Closed, Steering
from perdure.timescape.timescape import Timescape
from tests.rollout.builds import asking

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
Label = tuple[int, int, int, tuple[str, ...]]


@dataclass(frozen=True)
class Known:
    """A version as the oracle sees it."""

    moment: dt.datetime
    label: Label | None


# --- semver.org, pairwise -------------------------------------------------------------------------------------------


def compare(left: Label, right: Label) -> int:
    if left[:3] != right[:3]:
        return -1 if left[:3] < right[:3] else 1
    if not left[3] or not right[3]:
        return bool(right[3]) - bool(left[3])
    for mine, theirs in zip(left[3], right[3], strict=False):
        if mine == theirs:
            continue
        if mine.isdigit() and theirs.isdigit():
            return -1 if int(mine) < int(theirs) else 1
        if mine.isdigit() != theirs.isdigit():
            return -1 if mine.isdigit() else 1
        return -1 if mine < theirs else 1
    return len(left[3]) - len(right[3])


def shown(label: Label) -> str:
    return ".".join(map(str, label[:3])) + ("-" + ".".join(label[3]) if label[3] else "")


# --- npm ranges, by their documentation -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparator:
    operator: str
    parts: tuple[int, ...]
    prerelease: tuple[str, ...] = ()

    @property
    def bound(self) -> Label:
        padded = (*self.parts, 0, 0, 0)
        return (padded[0], padded[1], padded[2], self.prerelease)

    def text(self, wild: str) -> str:
        body = ".".join(map(str, self.parts)) if self.parts else "*"
        if self.parts and len(self.parts) < 3 and wild:
            body += f".{wild}"
        return self.operator + body + ("-" + ".".join(self.prerelease) if self.prerelease else "")

    def holds(self, version: Label) -> bool:
        given_parts = len(self.parts)
        if not given_parts:
            return self.operator not in {"<", ">"}
        prefix = version[:given_parts]
        not_below = compare(version, self.bound) >= 0
        match self.operator:
            case "" | "=":
                return not_below and (prefix == self.parts if given_parts < 3 else compare(version, self.bound) == 0)
            case ">=":
                return not_below
            case ">":
                if given_parts == 3:
                    return compare(version, self.bound) > 0
                above = (*self.parts[:-1], self.parts[-1] + 1, 0, 0)
                return compare(version, (above[0], above[1], above[2], ())) >= 0
            case "<":
                return prefix < self.parts if given_parts < 3 else compare(version, self.bound) < 0
            case "<=":
                return prefix <= self.parts if given_parts < 3 else compare(version, self.bound) <= 0
            case "~":
                return not_below and version[: min(given_parts, 2)] == self.parts[:2]
            case _:
                left_most = next((place for place, part in enumerate(self.parts) if part), given_parts - 1)
                return not_below and version[: left_most + 1] == self.parts[: left_most + 1]


def in_alternative(comparators: list[Comparator], version: Label) -> bool:
    if not all(each.holds(version) for each in comparators):
        return False
    return not version[3] or any(each.prerelease and each.bound[:3] == version[:3] for each in comparators)


def newest_in(alternatives: list[list[Comparator]], versions: list[Known]) -> int | None:
    best: int | None = None
    for index, version in enumerate(versions):
        if version.label is None or not any(in_alternative(each, version.label) for each in alternatives):
            continue
        held = None if best is None else versions[best].label
        if held is None or compare(version.label, held) > 0:
            best = index
    return best


def newest_until(moment: dt.datetime, versions: list[Known]) -> int | None:
    best = None
    for index, version in enumerate(versions):
        if version.moment <= moment:
            best = index
    return best


# --- what is generated ----------------------------------------------------------------------------------------------

small = st.integers(0, 3)
identifiers = st.lists(st.sampled_from(["alpha", "beta", "rc", "0", "2", "11", "x-y"]), min_size=1, max_size=3).map(
    tuple
)
labels = st.tuples(small, small, small, st.just(()) | identifiers)
seconds_of_day = st.sampled_from([0, 0, 0, 1, 3600, 43_200, 86_399])
moments = st.builds(
    lambda day, second: dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day, seconds=second),
    st.integers(0, 6), seconds_of_day,
)  # fmt: skip


@dataclass(frozen=True)
class Built:
    timescape: Timescape
    versions: list[Known]


@st.composite
def built(draw: st.DrawFn) -> Built:
    dates = sorted(draw(st.lists(moments, max_size=8)))
    given_labels = draw(st.lists(st.none() | labels, min_size=len(dates), max_size=len(dates)))
    kept: list[Label | None] = []
    for label in given_labels:
        is_new = label is None or all(other is None or compare(label, other) != 0 for other in kept)
        kept.append(label if is_new else None)
    recorded: list[RecordedRevision] = []
    for place, (date, label) in enumerate(zip(dates, kept, strict=True)):
        text = None if label is None else draw(st.sampled_from(["", "v"])) + shown(label)
        revision = Revision(written(date), label=text)
        recorded.append(record(f"r{place}", revision, before=Api(), after=Api()))
    versions = [Known(date, label) for date, label in zip(dates, kept, strict=True)]
    extra = draw(st.lists(moments, max_size=3))
    for moment in extra:
        if all(version.moment != moment for version in versions):
            versions.append(Known(moment, None))
    versions.sort(key=lambda version: version.moment)
    return Built(Timescape(recorded, [written(each) for each in extra]), versions or [Known(EPOCH, None)])


def written(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def check(built: Built, text: str, expected: int | None) -> None:
    if expected is None:
        with pytest.raises(UnknownVersionError) as caught:
            built.timescape.resolve(text)
        assert set(caught.value.known) >= {version.name for version in built.timescape.versions}
    else:
        assert expected == built.timescape.resolve(text)
        assert expected == built.timescape.resolve(text), "the remembered answer differs"


@settings(max_examples=300, deadline=None)
@given(
    built(),
    moments,
    st.integers(-86_399, 86_399),
    st.integers(-1439, 1439),
    st.text("0123456789", max_size=12),
    st.booleans(),
)
def test_instant_when_asked_for_gives_the_newest_version_not_after_it(
    built: Built, near: dt.datetime, away: int, offset: int, fraction: str, is_lower: bool
) -> None:
    exact = near + dt.timedelta(seconds=away)
    local = exact + dt.timedelta(minutes=offset)
    sign = "+" if offset >= 0 else "-"
    zone = f"{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}" if offset else "Z"
    text = local.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + zone
    later = exact + dt.timedelta(microseconds=int(fraction[:6].ljust(6, "0") or "0"))
    check(built, text.lower() if is_lower else text, newest_until(later, built.versions))


@settings(max_examples=150, deadline=None)
@given(built(), st.integers(-3, 10))
def test_date_when_asked_for_gives_the_version_at_the_start_of_that_day(built: Built, day: int) -> None:
    date = dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day)
    check(built, date.strftime("%Y-%m-%d"), newest_until(date, built.versions))


@st.composite
def labelled(draw: st.DrawFn) -> Built:
    """Versions with many labels close to each other, in no order of precedence."""
    few = st.integers(0, 1)
    word = st.sampled_from([("2",), ("11",), ("a",), ("a", "2"), ("a", "11")])
    dense = draw(st.lists(st.tuples(st.integers(0, 1), few, few, st.just(()) | word), min_size=4, max_size=14))
    kept: list[Label] = []
    for label in dense:
        if all(compare(label, other) != 0 for other in kept):
            kept.append(label)
    dates = [dt.datetime(2025, 1, 1 + place, tzinfo=dt.UTC) for place in range(len(kept))]
    revisions = [Revision(written(date), label=shown(label)) for date, label in zip(dates, kept, strict=True)]
    recorded = [record(f"r{place}", each, before=Api(), after=Api()) for place, each in enumerate(revisions)]
    return Built(Timescape(recorded), [Known(date, label) for date, label in zip(dates, kept, strict=True)])


@st.composite
def alternatives(draw: st.DrawFn, versions: list[Known]) -> list[Comparator]:
    """Comparators with versions there are, whole or in part, or ones beside them; often all with the same one."""
    known = [version.label for version in versions if version.label is not None]
    shared = draw(st.none() | st.sampled_from(known))
    comparators = []
    for _ in range(draw(st.integers(1, 2))):
        major, minor, patch, prerelease = shared or draw(st.sampled_from(known))
        beside = st.sampled_from([0, 0, 0, 1, -1])
        length = draw(st.sampled_from([0, 1, 2, 3, 3, 3]))
        parts = tuple(max(0, part + draw(beside)) for part in (major, minor, patch)[:length])
        operator = draw(st.sampled_from(["", "=", ">", ">=", "<", "<=", "~", "^"]))
        comparators.append(Comparator(operator, parts, draw(st.sampled_from([(), prerelease])) if length == 3 else ()))
    return comparators


@settings(max_examples=300, deadline=None)
@given(labelled(), st.data(), st.sampled_from(["", "x", "X", "*"]), st.sampled_from([" ", "  "]))
def test_range_when_asked_for_gives_the_highest_label_in_it(
    built: Built, data: st.DataObject, wild: str, gap: str
) -> None:
    for _ in range(8):
        wanted = data.draw(st.lists(alternatives(built.versions), min_size=1, max_size=2))
        text = f"{gap}||{gap}".join(gap.join(each.text(wild) for each in alternative) for alternative in wanted)
        check(built, text, newest_in(wanted, built.versions))


@settings(max_examples=150, deadline=None)
@given(labelled(), st.lists(small, min_size=1, max_size=3), st.lists(small, min_size=1, max_size=3))
def test_hyphen_range_when_asked_for_gives_the_highest_label_between(
    built: Built, low: list[int], high: list[int]
) -> None:
    text = f"{'.'.join(map(str, low))} - {'.'.join(map(str, high))}"
    both = [Comparator(">=", tuple(low)), Comparator("<=", tuple(high))]
    check(built, text, newest_in([both], built.versions))


@settings(max_examples=150, deadline=None)
@given(built(), st.data())
def test_names_and_labels_when_asked_for_lead_to_their_own_version(built: Built, data: st.DataObject) -> None:
    assert len(built.versions) == len(built.timescape.versions)
    for index, (known, version) in enumerate(zip(built.versions, built.timescape.versions, strict=True)):
        check(built, version.name, index)
        assert known.moment == version.instant
        if known.label is not None:
            prefix = data.draw(st.sampled_from(["", "v", "=", "=v"]))
            build = data.draw(st.sampled_from(["", "+build.7"]))
            check(built, prefix + shown(known.label) + build, index)
    moments = [known.moment for known in built.versions]
    for known, version in zip(built.versions, built.timescape.versions, strict=True):
        is_plain_date = known.moment.time() == dt.time() and moments.count(known.moment) == 1 and known.moment != EPOCH
        assert (version.name == known.moment.date().isoformat()) == is_plain_date


@settings(max_examples=150, deadline=None)
@given(built(), st.text("ab-0:.", min_size=1, max_size=8), st.text("ab-0:.", min_size=1, max_size=8))
def test_tsv_when_asked_for_leads_to_its_version_for_its_handler_only(built: Built, handler: str, other: str) -> None:
    tsvs = [built.timescape.tsv(handler, index) for index in range(len(built.versions))]
    assert len(tsvs) == len(set(tsvs))
    assert tsvs == sorted(tsvs)
    for index, tsv in enumerate(tsvs):
        seconds = round((built.versions[index].moment - EPOCH).total_seconds())
        assert tsv.startswith(f"tsv:{seconds}-{handler}-")
        assert index == built.timescape.resolve_tsv(tsv, handler)
        if other != handler:
            with pytest.raises(UnknownVersionError):
                built.timescape.resolve_tsv(tsv, other)


@settings(max_examples=150, deadline=None)
@given(built(), st.sampled_from(["latest", "stable", "mobile", "unversioned"]), st.data())
def test_tag_when_asked_for_gives_what_it_stands_for_now(built: Built, tag: str, data: st.DataObject) -> None:
    everything = range(len(built.versions))
    releases = [place for place in everything if (label := built.versions[place].label) is None or not label[3]]
    stable = max(releases, default=len(built.versions) - 1)
    expected = {"latest": len(built.versions) - 1, "stable": stable, "unversioned": 0, "mobile": None}[tag]
    check(built, tag, expected)
    assert stable == built.timescape.default
    if tag in {"mobile", "stable"}:
        for chosen in data.draw(st.lists(st.sampled_from(everything), min_size=1, max_size=3)):
            built.timescape.steer(Steering(tags={tag: chosen}))
            check(built, tag, chosen)
            assert (tag in built.timescape.versions[chosen].tags) is True
        built.timescape.steer(OPEN)
        check(built, tag, expected)


unprintable = st.text(st.characters(max_codepoint=31) | st.characters(min_codepoint=127), min_size=1, max_size=3)
garbage = (
    st.sampled_from(
        ["", " ", "||", "1 ||", "v", ">", "1.2.3.4", "01.2", "2025-02-30", "2025-13-01", "25-01-01", "0000-01-01"]
    )
    | st.sampled_from(
        ["2025-01-01T25:00:00Z", "2025-01-01T00:00:60Z", "2025-01-01T00:00:00", "2025-01-01T00:00:00+24:00"]
    )
    | st.sampled_from(
        ["2025-01-01 00:00:00Z", "2025-W01-1", "tsv:1-a-000", "1.2.3-", "1 - ", "^", "nothing", "\uff12025-01-01"]
    )
    | st.sampled_from([201, 5_000, 1_000_000]).map(lambda length: "1" * length)
    | st.builds(lambda text, bad: text + bad, st.sampled_from(["latest", "1", "2025-01-01", ""]), unprintable)
)


@settings(max_examples=150, deadline=None)
@given(built(), garbage)
def test_garbage_when_asked_for_is_unknown(built: Built, text: str) -> None:
    check(built, text, None)


def test_precedence_of_the_oracle_is_that_of_the_specification() -> None:
    """semver.org, item 11, verbatim; so that oracle and code cannot be wrong together."""
    texts = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
    ]
    parsed: list[Label] = [(1, 0, 0, tuple(text.partition("-")[2].split("."))) for text in texts]
    assert [*parsed, (1, 0, 0, ())] == sorted([(1, 0, 0, ()), *reversed(parsed)], key=cmp_to_key(compare))


@dataclass(frozen=True)
class Decided:
    """What is decided about versions, as the oracle sees it."""

    hidden: frozenset[int]
    closed: frozenset[int]
    tags: dict[str, int]
    pin: int | None

    @property
    def steering(self) -> Steering:
        """The same for the code under test; the one client there is may be pinned."""
        reason = Closed(reason="it was retired", successor=None)
        pin = self.pin
        return Steering(
            tags=self.tags, hidden=self.hidden, closed=dict.fromkeys(self.closed, reason),
            choose=None if pin is None else lambda _: pin,
        )  # fmt: skip


@st.composite
def decided(draw: st.DrawFn, count: int) -> Decided:
    places = st.sampled_from(range(count))
    hidden = draw(st.frozensets(places, max_size=count - 1))
    visible = [place for place in range(count) if place not in hidden]
    tags = draw(st.dictionaries(st.sampled_from(["stable", "mobile", "beta"]), st.sampled_from(visible), max_size=3))
    return Decided(hidden, draw(st.frozensets(places)), tags, draw(st.none() | st.sampled_from(visible)))


def search_label(wanted: list[list[Comparator]], versions: list[Known], places: list[int]) -> int | None:
    found = newest_in(wanted, [versions[place] for place in places])
    return None if found is None else places[found]


def search(text: str | None, wanted: list[list[Comparator]], built: Built, now: Decided) -> int | None:
    """Look at one version after the other for what *text* asks for; *wanted* is the range it is, if it is one."""
    visible = [place for place in range(len(built.versions)) if place not in now.hidden]
    served = [place for place in visible if place not in now.closed] or visible
    if text is None and now.pin is not None:
        return now.pin
    if text in now.tags:
        return now.tags[text]
    if text in {None, "stable"}:
        if "stable" in now.tags:
            return now.tags["stable"]
        releases = [place for place in served if (label := built.versions[place].label) is None or not label[3]]
        return max(releases or served)
    if text == "latest":
        return served[-1]
    if wanted:
        found = search_label(wanted, built.versions, [place for place in visible if place not in now.closed])
        return found if found is not None else search_label(wanted, built.versions, visible)
    for place in visible:
        if built.timescape.versions[place].name == text:
            return place
    try:
        moment = dt.datetime.fromisoformat(text or "").replace(tzinfo=dt.UTC)
    except ValueError:  # the name of a hidden version that is no date, or a tag nobody set
        return None
    at = newest_until(moment, [built.versions[place] for place in visible])
    return None if at is None else visible[at]


@settings(max_examples=200, deadline=None)
@given(built() | labelled(), st.data())
def test_resolution_when_versions_are_hidden_closed_and_tagged_agrees_with_a_search(
    built: Built, data: st.DataObject
) -> None:
    """Decisions change again and again under the same questions, each asked twice: nothing remembered outlives them."""
    has_labels = any(version.label is not None for version in built.versions)
    days = st.integers(0, 9).map(lambda day: f"2025-01-{day + 1:02}")
    names = st.sampled_from([version.name for version in built.timescape.versions])
    words = st.sampled_from(["latest", "stable", "mobile", "beta"])
    questions: list[tuple[str | None, list[list[Comparator]]]] = [(None, []), ("latest", []), ("stable", [])]
    questions += [(text, []) for text in data.draw(st.lists(days | names | words, min_size=2, max_size=5))]
    if has_labels:
        ranges = data.draw(st.lists(alternatives(built.versions), min_size=1, max_size=3))
        questions += [(" ".join(each.text("x") for each in wanted), [wanted]) for wanted in ranges]
    exchange = asking()
    for now in data.draw(st.lists(decided(len(built.versions)), min_size=1, max_size=3)):
        built.timescape.steer(now.steering)
        state = built.timescape.state
        for text, wanted in [*questions, *questions]:
            expected = search(text, wanted, built, now)
            got: int | str | None
            try:
                known = None if text is None else state.known.get(text)
                got = known if known is not None else (
                    state.find_default(exchange) if text is None else state.find(text, exchange)
                )  # fmt: skip
            except UnknownVersionError:
                got = None
            except VersionClosedError as error:
                got = f"410 {error.version}"
            if expected is not None and expected in now.closed:
                assert f"410 {built.timescape.versions[expected].name}" == got, text
            else:
                assert expected == got, text
