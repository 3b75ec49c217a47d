"""What is called otherwise, in the lines of published versions and read from them again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure import Config, Revision, RolloutSettings
from perdure.clock import FakeClock
from perdure.gtype.nodes import Field, Object, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.rollout.carried import follow_lines, renamed_lines
from perdure.rollout.rollout import Rollout
from perdure.store.memory import MemoryStore
from perdure.timescape.recorded import record
from perdure.timescape.renames import Renames
from perdure.timescape.timescape import Timescape

names = st.text(max_size=5)


@given(st.dictionaries(names.filter(bool), st.dictionaries(names, names, min_size=1), max_size=3))
def test_renames_come_back_from_their_lines_whatever_they_are_called(members: dict[str, dict[str, str]]) -> None:
    renames = Renames(members=members)
    assert renames.pairs() == follow_lines([renamed_lines(renames)]).renames


@pytest.mark.parametrize(
    ("steps", "moves", "renames"),
    [
        ([["request In", "response GET /a"]], {}, {}),
        ([["moved GET /a to GET /b"], ["moved GET /b to GET /c"]], {"GET /a": "GET /c"}, {}),
        ([["moved GET /a to GET /b", "moved GET /b to GET /a"]], {"GET /a": "GET /b", "GET /b": "GET /a"}, {}),
        ([['renamed ["In","a","b"]'], ['renamed ["In","b","c"]']], {}, {("In", "a"): "c"}),
        ([['renamed ["In","a","b"]', 'renamed ["In","b","a"]']], {}, {("In", "a"): "b", ("In", "b"): "a"}),
        ([['renamed ["","In","Out"]'], ['renamed ["Out","a","b"]']], {}, {("In", "a"): "b"}),
        (
            [["moved GET /a to GET /b"], ['renamed ["GET /b","x","y"]']],
            {"GET /a": "GET /b"}, {("GET /a", "x"): "y"},
        ),
        ([['renamed ["In","a","b"]', 'renamed ["","In","Out"]']], {}, {("In", "a"): "b"}),
    ],
)  # fmt: skip
def test_lines_of_several_versions_are_followed_in_the_words_of_the_first(
    steps: list[list[str]], moves: dict[str, str], renames: dict[tuple[str, str], str]
) -> None:
    assert (moves, renames) == tuple(follow_lines(steps))


def api(member: str) -> Api:
    node = Object(fields=(Field(name=member, node=String(), required=False),))
    return Api(types={"Out": node}, endpoints={"GET /pets": Endpoint(handler="pets", response=Ref(name="Out"))})


@pytest.mark.parametrize(
    ("renames", "is_carried", "status"),
    [
        (Renames(members={"Out": {"tag": "label"}}), False, "registered"),
        (Renames(members={"Out": {"tag": "label"}}), True, "active"),
        (Renames(), False, "active"),
    ],
)
def test_version_that_renames_an_optional_member_does_not_begin_by_itself_unless_it_is_carried(
    renames: Renames, is_carried: bool, status: str
) -> None:
    first = record("r0", Revision("2025-01-01"), before=Api(), after=api("tag"))
    revision = Revision("2025-02-01", after="r0")
    if is_carried:
        revision.response("Out")(lambda value: value)
    second = record("r1", revision, before=api("tag"), after=api("label"), renames=renames)
    store, config = MemoryStore(), Config(rollout=RolloutSettings(activation="compatible"))
    for revisions in ([first], [first, second]):
        Rollout("pets", Timescape(revisions), store, config, FakeClock()).register()
    assert ["active", status] == [each.status for each in store.control("pets").versions.values()]
