"""What a person said is called otherwise is kept with the revision, and followed over several."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from perdure.clock import FakeClock
from perdure.diff.apis import diff_apis
from perdure.errors import RevisionError
from perdure.gtype.nodes import Array, Enum, Field, Node, Object, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.authoring.amending import amend_revision
from perdure.timescape.authoring.origins import Origins, follow_all
from perdure.timescape.authoring.publishing import publish_revisions
from perdure.timescape.authoring.redating import redate_revisions
from perdure.timescape.authoring.squashing import squash_revisions
from perdure.timescape.loading import load_revisions
from perdure.timescape.renames import Renames
from tests.timescape.authoring.recorded import record_next

Members = Mapping[str, Mapping[str, str]]


def thing(*names: str, owner: str = "Thing") -> Api:
    """An API with one type of text members, which a list of is answered."""
    node = Object(fields=tuple(Field(name=name, node=String()) for name in names))
    return answering({owner: node}, Ref(name=owner))


def states(*values: str) -> Api:
    return answering({"State": Enum(members=tuple((value.upper(), value) for value in values))}, Ref(name="State"))


def answering(types: dict[str, Node], response: Node) -> Api:
    endpoint = Endpoint(handler="list_things", body_media=(), response=Array(items=response))
    return Api(types=types, endpoints={"GET /things": endpoint})


def recorded(folder: Path, *steps: tuple[Api, Sequence[str]]) -> None:
    for number, (api, renames) in enumerate(steps):
        assert record_next(folder, api, f"Change {number}", renames=renames) is not None


def followed(folder: Path) -> Renames:
    """What of the first version is called otherwise in the last."""
    first, *others = load_revisions(folder)
    return follow_all(first.after, others).renames(others[-1].after)


def members_in(folder: Path, number: int) -> Members:
    return load_revisions(folder)[number].renames.members


def test_hint_when_a_revision_is_recorded_stands_in_its_json_and_nowhere_else(tmp_path: Path) -> None:
    recorded(tmp_path, (thing("a", "x"), ()), (thing("b", "x"), ("Thing.a=b",)), (thing("b", "y"), ()))
    documents = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("*.json"))]
    assert [None, {"members": {"Thing": {"a": "b"}}}, None] == [each.get("renames") for each in documents]
    assert {"Thing": {"a": "b"}} == members_in(tmp_path, 1)


def test_renames_when_a_revision_is_published_stay(tmp_path: Path) -> None:
    recorded(tmp_path, (thing("a"), ()), (thing("b"), ("Thing.a=b",)))
    publish_revisions(tmp_path)
    assert {"Thing": {"a": "b"}} == members_in(tmp_path, 1)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(thing("a"), ()), (thing("b"), ("Thing.a=b",)), (thing("c"), ("Thing.b=c",))], {"Thing": {"a": "c"}}),
        ([(thing("a"), ()), (thing("b"), ("Thing.a=b",)), (thing("a"), ("Thing.b=a",))], {}),
        ([(thing("a"), ()), (thing("b"), ("Thing.a=b",)), (thing("x"), ())], {}),
        ([(thing("a"), ()), (thing("a", "b"), ()), (thing("a", "c"), ("Thing.b=c",))], {}),
        (
            [(thing("a", "b"), ()), (thing("b", "a"), ("Thing.a=b", "Thing.b=a")), (thing("b", "c"), ("Thing.a=c",))],
            {"Thing": {"a": "b", "b": "c"}},
        ),
        (
            [(thing("a"), ()), (thing("a", owner="Other"), ()), (thing("b", owner="Other"), ("Other.a=b",))],
            {"Thing": {"a": "b"}},
        ),
        (
            [
                (states("x", "y"), ()), (states("z", "y"), ("State.x=z",)),
                (states("w"), ("State.z=w", "State.y=w")),
            ],
            {"State": {"x": "w", "y": "w"}},
        ),
    ],
)  # fmt: skip
def test_renames_when_followed_over_revisions_are_one(
    tmp_path: Path, steps: Sequence[tuple[Api, Sequence[str]]], expected: Members
) -> None:
    recorded(tmp_path, *steps)
    assert expected == followed(tmp_path).members
    squash_revisions(tmp_path, load_revisions(tmp_path)[1].name, None, None)
    assert expected == members_in(tmp_path, 1)
    renames = followed(tmp_path).pairs()
    old, new = steps[0][0], steps[-1][0]
    rules = [each.rule for each in diff_apis(old, new, renames=renames)]
    assert len(renames) == sum(each.endswith("-renamed") for each in rules)


def test_parameter_when_its_endpoint_is_moved_is_followed(tmp_path: Path) -> None:
    def searching(key: str, name: str) -> Api:
        query = Object(fields=(Field(name=name, node=String(), required=False),))
        return Api(endpoints={key: Endpoint(handler="search", body_media=(), query=query)})

    record_next(tmp_path, searching("GET /a", "q"))
    record_next(tmp_path, searching("GET /b", "q"), moves=["GET /a=GET /b"])
    record_next(tmp_path, searching("GET /b", "text"), renames=["GET /b.q=text"])
    first, *others = load_revisions(tmp_path)
    origins = follow_all(first.after, others)
    assert [("GET /a", "GET /b")] == origins.moves()
    assert {"GET /a": {"q": "text"}} == origins.renames(others[-1].after).members


def test_amended_revision_keeps_its_renames_and_takes_new_ones(tmp_path: Path) -> None:
    recorded(tmp_path, (thing("a", "x"), ()), (thing("b", "x"), ("Thing.a=b",)))
    amend_revision(tmp_path, thing("b", "y"), None, None, (["Thing.x=y"], []))
    assert {"Thing": {"a": "b", "x": "y"}} == members_in(tmp_path, 1)
    amend_revision(tmp_path, thing("a", "y"), None, None, ([], []))
    assert {"Thing": {"x": "y"}} == members_in(tmp_path, 1)
    amend_revision(tmp_path, thing("z", "x"), None, None, (["Thing.a=z"], []))
    assert {"Thing": {"a": "z"}} == members_in(tmp_path, 1)


def test_redated_revision_keeps_the_renames_that_have_a_meaning_there(tmp_path: Path) -> None:
    recorded(tmp_path, (thing("a", "x"), ()), (thing("b", "x"), ("Thing.a=b",)))
    name = load_revisions(tmp_path)[1].name
    redate_revisions(tmp_path, name, None, 400 * 86_400, FakeClock())
    assert {"Thing": {"a": "b"}} == members_in(tmp_path, 1)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"Thng": {"a": "b"}}, "renames something of 'Thng', which was not there before it; did you mean 'Thing'"),
        ({"Thing": {"q": "b"}}, "renames 'q' of 'Thing', which had no such member, value or parameter; did you mean"),
        ({"Thing": {"a": "q"}}, "renames 'a' of 'Thing' to 'q', which is not there after it"),
    ],
)
def test_rename_of_what_is_not_there_is_refused_with_its_place(tmp_path: Path, members: Members, said: str) -> None:
    recorded(tmp_path, (thing("a"), ()), (thing("b"), ("Thing.a=b",)))
    file = sorted(tmp_path.glob("*.json"))[1]
    document = json.loads(file.read_text())
    document["renames"] = {"members": members}
    file.write_text(json.dumps(document))
    with pytest.raises(RevisionError, match=f"{file}: this revision.* types or renames were edited"):
        load_revisions(tmp_path)
    del document["digest"]
    file.write_text(json.dumps(document))
    with pytest.raises(RevisionError, match=f'{file}: under "renames", it {said}'):
        load_revisions(tmp_path)


def test_renamed_types_of_a_revision_that_must_be_there_are_checked(tmp_path: Path) -> None:
    recorded(tmp_path, (thing("a"), ()), (thing("a", owner="Other"), ("Thing=Other",)))
    assert {"Thing": "Other"} == load_revisions(tmp_path)[1].renames.types
    file = sorted(tmp_path.glob("*.json"))[1]
    document = json.loads(file.read_text())
    del document["digest"]
    document["renames"] = {"types": {"Thing": "Othr"}}
    file.write_text(json.dumps(document))
    with pytest.raises(RevisionError, match="to 'Othr', which is not there after it; did you mean 'Other'"):
        load_revisions(tmp_path)
    document["renames"] = {"type": {}}
    file.write_text(json.dumps(document))
    with pytest.raises(RevisionError, match="not a recorded delta"):
        load_revisions(tmp_path)


def test_origins_of_nothing_are_the_same_names() -> None:
    api = thing("a")
    assert "Thing" == Origins(api).of("Thing")
    assert Renames() == Origins(api).renames(api)


def states_named(**members: str) -> Api:
    return answering({"State": Enum(members=tuple(members.items()))}, Ref(name="State"))


@pytest.mark.parametrize(
    ("new", "said", "expected"),
    [
        ({"OPEN": "opened", "DONE": "done"}, (), {"State": {"open": "opened"}}),
        ({"OPEN": "opened", "ENDED": "ended"}, (), {"State": {"open": "opened"}}),
        ({"OPEN": "opened", "ENDED": "ended"}, ("State.done=ended",), {"State": {"done": "ended", "open": "opened"}}),
        ({"OPEN": "done", "DONE": "ended"}, ("State.open=ended",), {"State": {"open": "ended"}}),
        ({"ENDED": "ended"}, (), {}),
    ],
)
def test_value_whose_member_kept_its_name_is_recorded_as_renamed(
    new: dict[str, str], said: Sequence[str], expected: Members, tmp_path: Path
) -> None:
    recorded(tmp_path, (states_named(OPEN="open", DONE="done"), ()), (states_named(**new), said))
    assert expected == members_in(tmp_path, 1)


def test_value_whose_member_kept_its_name_is_told_as_renamed(tmp_path: Path) -> None:
    recorded(tmp_path, (states("open", "done"), ()), (states_named(OPEN="opened", DONE="done"), ()))
    first, second = load_revisions(tmp_path)
    found = diff_apis(first.after, second.after, renames=followed(tmp_path).pairs())
    assert ["response-enum-value-renamed"] == [each.rule for each in found]
    assert 'State: "open" is now called "opened".' in Path(second.file).read_text()
