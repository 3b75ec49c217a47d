"""Recording, amending, publishing, redating and squashing: what is written where, and what is refused."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.clock import FakeClock
from perdure.errors import ConfigError, RevisionError
from perdure.gtype.nodes import Field, Integer, Node, Number, Object, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.authoring.amending import amend_revision
from perdure.timescape.authoring.hints import HintError
from perdure.timescape.authoring.publishing import publish_revisions
from perdure.timescape.authoring.recording import Order, record_revision
from perdure.timescape.authoring.redating import redate_revisions
from perdure.timescape.authoring.squashing import squash_revisions
from perdure.timescape.loading import load_revisions
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape
from tests.timescape.authoring.recorded import DAY, record_next

NOON = 1_767_225_600.0 + DAY / 2  # 2026-01-01
S, I = String(), Integer()  # noqa: E741


def api(*names: str, more: dict[str, Node] | None = None) -> Api:
    order = Object(fields=tuple(Field(name=name, node=S) for name in names))
    types: dict[str, Node] = {"Order": order} | (more or {})
    extra = {f"GET /{name}": Endpoint(handler=name, response=Ref(name=name)) for name in more or {}}
    whole = Endpoint(handler="order", body=Ref(name="Order"), response=Ref(name="Order"))
    return Api(types=types, endpoints={"POST /orders": whole, **extra})


def record(
    folder: Path, code: Api, message: str = "A change", clock: FakeClock | None = None, **options: object
) -> str:
    revisions = load_revisions(folder) if folder.is_dir() else ()
    order = Order(message=message, **options)  # type: ignore[arg-type]
    written = record_revision(folder, revisions, code, order, clock or FakeClock(NOON))
    assert written is not None
    return written.name


# --- recording ------------------------------------------------------------------------------------------------------


def test_folder_when_missing_is_made_and_the_first_revision_has_everything(tmp_path: Path) -> None:
    name = record(tmp_path / "a" / "revisions", api("id"), "It begins", label="v1.0.0")
    assert name == "2026-01-01_it_begins"
    (first,) = load_revisions(tmp_path / "a" / "revisions")
    assert (Api(), api("id"), "v1.0.0", "It begins") == (first.before, first.after, first.label, first.message)
    assert sorted(path.name for path in (tmp_path / "a" / "revisions").iterdir()) == [f"{name}.json", f"{name}.py"]


def test_nothing_changed_writes_nothing(tmp_path: Path) -> None:
    record(tmp_path, api("id"))
    before = sorted(tmp_path.iterdir())
    assert record_next(tmp_path, api("id")) is None
    assert before == sorted(tmp_path.iterdir())


def test_change_that_python_does_not_see_is_recorded(tmp_path: Path) -> None:
    def with_default(value: object) -> Api:
        return api("id", more={"A": Object(fields=(Field(name="a", node=Number(), required=False, default=value),))})

    record(tmp_path, with_default(1), seconds=0)
    assert record_next(tmp_path, with_default(True)) is not None
    assert record_next(tmp_path, with_default(True)) is None


def test_instants_are_today_and_then_now(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    record(tmp_path, api("a"), clock=clock)
    record(tmp_path, api("b"), clock=clock)
    clock.advance(61)
    record(tmp_path, api("c"), clock=clock)
    clock.advance(DAY)
    record(tmp_path, api("d"), clock=clock)
    texts = [Path(each.file).read_text() for each in load_revisions(tmp_path)]
    assert ["2026-01-01", "2026-01-01T12:00:00Z", "2026-01-01T12:01:01Z", "2026-01-02"] == [
        found[1] for text in texts if (found := re.search(r'Revision\(\s*"([^"]+)"', text))
    ]


def test_instant_when_the_last_one_is_in_the_future_must_be_said(tmp_path: Path) -> None:
    record(tmp_path, api("a"), seconds=int(NOON) + 5 * DAY)
    with pytest.raises(RevisionError, match="not over yet: say --date"):
        record(tmp_path, api("b"))
    with pytest.raises(RevisionError, match="lies before 2026-01-06_a_change"):
        record(tmp_path, api("b"), seconds=int(NOON))


def test_file_when_there_is_one_of_that_name_gets_another(tmp_path: Path) -> None:
    names = [record(tmp_path, api(member), "A change") for member in "abc"]
    assert names == ["2026-01-01_a_change", "2026-01-01_a_change_2", "2026-01-01_a_change_3"]


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Money: a *currency*!", "money_a_currency"), ("Größe & Straße", "groe_strae"), ("注文", "revision"),
        ("x" * 200, "x" * 48), ("it's  'quoted'", "its_quoted"), ("First\nmore", "first"), ('say """no"""\\', "say_no"),
        ("a\ttab and \x07 bell", "a_tab_and_bell"), ("ends with a quote\"", "ends_with_a_quote"),
    ],
)  # fmt: skip
def test_message_of_any_kind_is_kept_and_gives_a_plain_name(message: str, name: str, tmp_path: Path) -> None:
    assert f"2026-01-01_{name}" == record(tmp_path, api("a"), message)
    shown = load_revisions(tmp_path)[0].message
    assert message.partition("\n")[0].replace("\t", " ").replace("\x07", "\\x07") == shown.replace("\x07", "\\x07")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"message": " \n "}, "-m needs a message"),
        ({"message": "x" * 201}, "has 201 characters"),
        ({"label": "soon"}, "--label soon: no semantic version"),
        ({"label": "v2.0.0"}, "2026-01-01_a_change has that label already"),
        ({"label": "1.9.0"}, "2026-01-01_a_change has v2.0.0, which is newer"),
        ({"renames": ["Ordr.id=key"]}, "there was no type or endpoint 'Ordr'; did you mean 'Order'"),
        ({"renames": ["Order.ids=key"]}, "Order had no 'ids'; did you mean 'id'"),
        ({"renames": ["Order.id=kei"]}, "Order has no 'kei'; did you mean 'key'"),
        ({"renames": ["Order=Bill"]}, "there is no type 'Bill'"),
        ({"renames": ["Order.id"]}, "write it as Type.old=new"),
        ({"renames": ["Order.id=key", "Order.id=more"]}, "'id' is said to be 'key' already"),
        ({"renames": ["Order.id=key", "Order.other=key"]}, "two are said to be 'key' now"),
        ({"moves": ["POST /orders=POST /bills"]}, "there is no endpoint 'POST /bills'; did you mean 'POST /orders'"),
        ({"moves": ["orders=bills"]}, "write it as --move"),
    ],
)
def test_order_when_it_makes_no_sense_is_refused_and_nothing_is_written(
    options: dict[str, object], said: str, tmp_path: Path
) -> None:
    record(tmp_path, api("id", "other"), label="v2.0.0")
    before = sorted(tmp_path.iterdir())
    with pytest.raises((RevisionError, HintError), match=re.escape(said)):
        record(tmp_path, api("key", "more"), **{"message": "x", **options})  # type: ignore[arg-type]
    assert before == sorted(tmp_path.iterdir())
    assert issubclass(HintError, ConfigError)


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder anybody may look into and, while the test runs, this process may not write to, not even as root."""
    me, nobody = os.geteuid(), 65534
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "revisions"
        folder.mkdir()
        for each in (above, folder):
            Path(each).chmod(0o555)
        os.seteuid(nobody if me == 0 else me)
        try:
            yield folder
        finally:
            os.seteuid(me)
            for each in (above, folder):
                Path(each).chmod(0o755)


def test_folder_when_it_cannot_be_written_is_told(nobodys_folder: Path) -> None:
    with pytest.raises(RevisionError, match="cannot be written: Permission denied"):
        record(nobodys_folder, api("id"))


def test_folder_when_a_file_is_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "revisions").write_text("")
    with pytest.raises(RevisionError, match="revisions cannot be written: "):
        record_revision(tmp_path / "revisions", (), api("id"), Order(message="x"), FakeClock())


# --- digests --------------------------------------------------------------------------------------------------------


def two(folder: Path) -> tuple[str, str]:
    return record(folder, api("id"), "One"), record(folder, api("key"), "Two", label="v2.0.0")


@pytest.mark.parametrize(
    ("which", "suffix", "old", "new"),
    [
        (0, ".json", '"id"', '"di"'),
        (1, ".json", '"key"', '"kex"'),
        (1, ".py", "v2.0.0", "v2.0.1"),
        (1, ".py", '"2026-01-01T12:00:00Z"', '"2026-01-01T12:00:01Z"'),
        (0, ".json", '"handler": "order"', '"handler": "orders"'),
    ],
)
def test_history_when_edited_is_refused_naming_the_file_and_what_to_do(
    which: int, suffix: str, old: str, new: str, tmp_path: Path
) -> None:
    file = tmp_path / (two(tmp_path)[which] + suffix)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(RevisionError, match=rf"{re.escape(file.stem)}\.json: .*version control.*--redate"):
        load_revisions(tmp_path)


def test_history_when_the_beginning_is_edited_and_unsealed_is_noticed_by_what_follows(tmp_path: Path) -> None:
    first, second = two(tmp_path)
    file = tmp_path / f"{first}.json"
    recorded = json.loads(file.read_text())
    del recorded["digest"]
    recorded["endpoints"]["POST /orders"]["status"] = 201
    file.write_text(json.dumps(recorded))
    with pytest.raises(RevisionError, match=second):
        load_revisions(tmp_path)


def test_transformers_and_layout_may_be_edited(tmp_path: Path) -> None:
    first, second = two(tmp_path)
    (tmp_path / f"{first}.json").write_text(json.dumps(json.loads((tmp_path / f"{first}.json").read_text())))
    file = tmp_path / f"{second}.py"
    file.write_text(file.read_text() + "\n# mended\n")
    assert len(load_revisions(tmp_path)) == 2


# --- amending -------------------------------------------------------------------------------------------------------


def test_amended_revision_keeps_what_a_person_wrote_and_gets_what_is_missing(tmp_path: Path) -> None:
    _, name = two(tmp_path)
    file = tmp_path / f"{name}.py"
    mine = file.read_text().replace('order["key"] = revision.todo("key: text", id_)', 'order["key"] = id_  # mine')
    assert "# mine" in mine
    file.write_text(mine)
    bills: dict[str, Node] = {"Bill": Object(fields=(Field(name="total", node=S),))}
    written = amend_revision(tmp_path, api("key", "more", more=bills), None, None, ((), ()))
    assert (name, 0) == (written.name, written.functions)
    _, last = load_revisions(tmp_path)
    assert api("key", "more", more=bills) == last.after
    assert mine == file.read_text()


def test_amended_revision_gets_functions_for_types_that_changed_since(tmp_path: Path) -> None:
    bills: dict[str, Node] = {"Bill": Object(fields=(Field(name="total", node=I),))}
    texts: dict[str, Node] = {"Bill": Object(fields=(Field(name="total", node=S),))}
    record(tmp_path, api("id", more=bills), "One")
    name = record(tmp_path, api("key", more=bills), "Two", renames=["Order.id=key"])
    before = (tmp_path / f"{name}.py").read_text()
    written = amend_revision(tmp_path, api("key", more=texts), None, "v3.0.0", ((), ()))
    text = (tmp_path / f"{name}.py").read_text()
    assert written.functions == 1
    assert "def upgrade_order" in text
    assert "def downgrade_bill" in text
    assert 'Revision("2026-01-01T12:00:00Z", label="v3.0.0", after="2026-01-01_one")' in text
    assert text.startswith('"""Two')
    assert len(text) > len(before)
    assert "import re\n" in text
    assert ["order", "bill"] == re.findall(r"def downgrade_(\w+)", text)
    assert "v3.0.0" == load_revisions(tmp_path)[1].label


def test_amended_revision_forgets_what_it_said_of_endpoints_that_are_elsewhere_or_back(tmp_path: Path) -> None:
    order = api("id").endpoints["POST /orders"]
    types = api("id").types
    a, b = Endpoint(handler="a"), Endpoint(handler="b")
    record(tmp_path, Api(types=types, endpoints={"POST /orders": order, "GET /a": a, "GET /b": b}))
    name = record(tmp_path, Api(types=types, endpoints={"POST /orders/new": order, "GET /b": b}))
    assert "revision.impossible(" in (tmp_path / f"{name}.py").read_text()
    again = Api(types=types, endpoints={"POST /orders/now": order, "GET /a": a})
    amend_revision(tmp_path, again, None, None, ((), ()))
    last = load_revisions(tmp_path)[-1]
    assert [("POST /orders", "POST /orders/now")] == [move[:2] for move in last.moves]
    assert [("request", "GET /b")] == [each[:2] for each in last.impossibilities]
    assert again == last.after


def test_amended_message_takes_the_place_of_the_docstring(tmp_path: Path) -> None:
    _, name = two(tmp_path)
    amend_revision(tmp_path, api("key"), "Better said", None, ((), ()))
    assert "Better said" == load_revisions(tmp_path)[1].message
    assert (tmp_path / f"{name}.py").exists()


def test_published_revision_is_never_written_anew(tmp_path: Path) -> None:
    _, second = two(tmp_path)
    holes = load_revisions(tmp_path)[1].holes
    with pytest.raises(RevisionError, match=rf"{second}\.py:{holes[0].line}: still to decide: key: text"):
        publish_revisions(tmp_path)
    file = tmp_path / f"{second}.py"
    file.write_text(re.sub(r"revision\.todo\(.*\)", '"x"', file.read_text()))
    assert [each.name for each in load_revisions(tmp_path)] == publish_revisions(tmp_path)
    assert publish_revisions(tmp_path) == []
    assert all(each.is_published for each in load_revisions(tmp_path))
    for attempt in (
        lambda: amend_revision(tmp_path, api("x"), None, None, ((), ())),
        lambda: squash_revisions(tmp_path, load_revisions(tmp_path)[0].name, None, None),
        lambda: redate_revisions(tmp_path, second, None, None, FakeClock(NOON)),
    ):
        with pytest.raises(RevisionError, match="is published and cannot be"):
            attempt()


def test_amending_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RevisionError, match="no revision to amend"):
        amend_revision(tmp_path / "revisions", api("a"), None, None, ((), ()))


# --- two heads ------------------------------------------------------------------------------------------------------


def branches(folder: Path, *, is_same_type: bool = False) -> tuple[str, str]:
    """Record a revision, and two on branches of their own that follow it; return the names of these."""
    bill: dict[str, Node] = {"Bill": Object(fields=(Field(name="total", node=S),))}
    new: dict[str, Node] = {"Bill": Object(fields=(Field(name="sum", node=S),))}
    record(folder, api("id", more=bill), "Root")
    clock = FakeClock(NOON + DAY)
    ours = record(folder, api("key", more=bill), "Ours", clock, renames=["Order.id=key"])
    kept = {path: path.read_text() for path in folder.glob(f"{ours}.*")}
    for path in kept:
        path.unlink()
    theirs_api = api("id", "more", more=bill) if is_same_type else api("id", more=new)
    hints = [] if is_same_type else ["Bill.total=sum"]
    theirs = record(folder, theirs_api, "Theirs", clock, renames=hints)
    for path, text in kept.items():
        path.write_text(text)
    return ours, theirs


def test_two_heads_are_explained_with_what_mends_them(tmp_path: Path) -> None:
    ours, theirs = branches(tmp_path)
    with pytest.raises(RevisionError) as caught:
        load_revisions(tmp_path)
    assert f"'{ours}' and '{theirs}' both follow '2026-01-01_root'" in str(caught.value)
    assert f"perdure revision --redate {theirs}" in str(caught.value)


def test_redated_head_follows_the_other_and_both_changes_hold(tmp_path: Path) -> None:
    ours, theirs = branches(tmp_path)
    clock = FakeClock(NOON + 3 * DAY)
    told = redate_revisions(tmp_path, theirs, None, None, clock)
    assert told == [f"{theirs} follows {ours}, 2026-01-02"]
    revisions = load_revisions(tmp_path)
    assert ["2026-01-01_root", ours, theirs] == [each.name for each in revisions]
    bill: dict[str, Node] = {"Bill": Object(fields=(Field(name="sum", node=S),))}
    assert api("key", more=bill) == revisions[-1].after
    chain = Timeline(Timescape(revisions)).chain("GET /Bill", 0, 2)
    assert chain is not None
    answer = ResponseParts(body={"sum": "1"})
    chain.response(answer)  # type: ignore[union-attr]
    assert answer.body == {"total": "1"}


def test_redated_head_when_its_date_is_too_early_gets_another_and_another_name(tmp_path: Path) -> None:
    ours, theirs = branches(tmp_path)
    later = redate_revisions(tmp_path, ours, None, int(NOON) - int(NOON) % DAY + 9 * DAY, FakeClock(NOON))
    assert later == [f"2026-01-10_ours follows {theirs}, 2026-01-10"]
    assert not (tmp_path / f"{ours}.py").exists()
    assert ["2026-01-01_root", theirs, "2026-01-10_ours"] == [each.name for each in load_revisions(tmp_path)]


def test_redated_heads_when_both_change_a_type_must_be_recorded_anew(tmp_path: Path) -> None:
    _, theirs = branches(tmp_path, is_same_type=True)
    told = redate_revisions(tmp_path, theirs, None, None, FakeClock(NOON + 3 * DAY))
    assert told[-1] == "both branches change Order: record the merged code with perdure revision --amend"
    bill: dict[str, Node] = {"Bill": Object(fields=(Field(name="total", node=S),))}
    amend_revision(tmp_path, api("key", "more", more=bill), None, None, ((), ()))
    assert api("key", "more", more=bill) == load_revisions(tmp_path)[-1].after


def test_revision_in_its_place_is_only_sealed_anew(tmp_path: Path) -> None:
    _, second = two(tmp_path)
    file = tmp_path / f"{second}.py"
    file.write_text(file.read_text().replace("v2.0.0", "v2.1.0"))
    with pytest.raises(RevisionError):
        load_revisions(tmp_path)
    redate_revisions(tmp_path, second, None, None, FakeClock(NOON))
    assert "v2.1.0" == load_revisions(tmp_path)[1].label


@pytest.mark.parametrize(
    ("name", "after", "said"),
    [
        ("nothing", None, "has no revision 'nothing'"),
        ("2026-01-02_theirs", "nothing", "--after nothing: it is no other revision"),
        ("2026-01-02_theirs", "2026-01-01_root", "2026-01-02_ours follows it already"),
        ("2026-01-02_theirs", "2026-01-02_theirs", "it is no other revision"),
        ("2026-01-01_root", None, "both follow the same revision|follow the same revision; say --redate"),
    ],
)
def test_redating_when_it_makes_no_sense_is_refused(name: str, after: str | None, said: str, tmp_path: Path) -> None:
    branches(tmp_path)
    before = {path: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(RevisionError, match=said):
        redate_revisions(tmp_path, name, after, None, FakeClock(NOON + 3 * DAY))
    assert before == {path: path.read_text() for path in tmp_path.iterdir() if path.is_file()}


# --- squashing ------------------------------------------------------------------------------------------------------


def test_squashed_revisions_do_together_what_they_did_apart(tmp_path: Path) -> None:
    record(tmp_path, api("a", "b"), "Root")
    first = record(tmp_path, api("x", "b"), "First", FakeClock(NOON + DAY), renames=["Order.a=x"], label="v2.0.0")
    record(tmp_path, api("x", "y"), "Second", FakeClock(NOON + 2 * DAY), renames=["Order.b=y"])
    apart = Timeline(Timescape(load_revisions(tmp_path))).chain("POST /orders", 0, 2)
    written, left = squash_revisions(tmp_path, first, "Both", None)
    revisions = load_revisions(tmp_path)
    together = Timeline(Timescape(revisions)).chain("POST /orders", 0, 1)
    assert (left, "2026-01-03_both", "v2.0.0") == ([], written.name, revisions[1].label)
    assert ["2026-01-01_root", "2026-01-03_both"] == [each.name for each in revisions]
    for chain in (apart, together):
        request, answer = RequestParts(body={"a": "1", "b": "2"}), ResponseParts(body={"x": "1", "y": "2"})
        assert chain is not None
        chain.request(request)  # type: ignore[union-attr]
        chain.response(answer)  # type: ignore[union-attr]
        assert ({"x": "1", "y": "2"}, {"a": "1", "b": "2"}) == (request.body, answer.body)


def test_squashed_code_keeps_comments_helpers_and_endpoints_under_their_first_names(tmp_path: Path) -> None:
    record(tmp_path, api("a"), "Root")
    first = record(tmp_path, api("b"), "First", FakeClock(NOON + DAY), renames=["Order.a=b"])
    moved = Api(types=api("b").types, endpoints={"POST /o": api("b").endpoints["POST /orders"]})
    record(tmp_path, moved, "Second", FakeClock(NOON + 2 * DAY))
    third_api = Api(types=api("c").types, endpoints={"POST /orders/all": api("b").endpoints["POST /orders"]})
    third = record(tmp_path, third_api, "Third", FakeClock(NOON + 3 * DAY), renames=["Order.b=c"])
    file = tmp_path / f"{third}.py"
    file.write_text(
        "import json\n" + file.read_text() + '\n\n# Clients count from 1.\nLIMIT = json.loads("1")\n\n\n'
        '@revision.request("POST /o")\ndef count(request: object) -> None:\n    assert LIMIT\n'
    )
    _, left = squash_revisions(tmp_path, first, None, None)
    assert left == []
    whole = load_revisions(tmp_path)[-1]
    text = Path(whole.file).read_text()
    assert ("POST /orders", "POST /orders/all") == whole.moves[0][:2]
    assert "# Clients count from 1.\nLIMIT" in text
    assert '@revision.request("POST /orders")\ndef count' in text
    assert text.count("import json") == 1
    assert "First" == whole.message
    assert {"Order", "POST /orders"} == {each.target for each in whole.transformers}


def test_squashed_function_for_a_type_from_in_between_is_kept_and_told(tmp_path: Path) -> None:
    record(tmp_path, api("a"), "Root")
    bill: dict[str, Node] = {"Bill": Object(fields=(Field(name="total", node=S),))}
    first = record(tmp_path, api("a", more=bill), "First", FakeClock(NOON + DAY))
    new: dict[str, Node] = {"Bill": Object(fields=(Field(name="sum", node=S),))}
    record(tmp_path, api("a", more=new), "Second", FakeClock(NOON + 2 * DAY), renames=["Bill.total=sum"])
    _, left = squash_revisions(tmp_path, first, "Both", None)
    assert left == ["downgrade_bill"]
    assert "\n\ndef downgrade_bill(" in Path(load_revisions(tmp_path)[-1].file).read_text()


def test_squashed_statements_follow_their_types_and_those_about_nothing_go(tmp_path: Path) -> None:
    record(tmp_path, api("a"), "Root")
    bill: dict[str, Node] = {"Bill": Object(fields=(Field(name="total", node=S),))}
    first = record(tmp_path, api("b", more=bill), "First", FakeClock(NOON + DAY), renames=["Order.a=b"])
    second = record(tmp_path, api("c", more=bill), "Second", FakeClock(NOON + 2 * DAY), renames=["Order.b=c"])
    for name, said in ((first, 'revision.lossless("Order")\n'), (second, 'revision.lossless("Bill", keeps="old")\n')):
        file = tmp_path / f"{name}.py"
        file.write_text(f"{file.read_text()}\n{said}")
    squash_revisions(tmp_path, first, "Both", None)
    text = Path(load_revisions(tmp_path)[-1].file).read_text()
    assert 'revision.lossless("Order")' in text
    assert "Bill" not in text.partition('"""\n')[2]


def test_squashing_two_migrations_is_refused(tmp_path: Path) -> None:
    names = [record(tmp_path, api(member), clock=FakeClock(NOON + DAY * n)) for n, member in enumerate("abc")]
    for name, step in zip(names[1:], ("1975ea83b712", "2975ea83b712"), strict=True):
        file = tmp_path / f"{name}.py"
        file.write_text(f'{file.read_text()}\nrevision.database(expand="{step}")\n')
    with pytest.raises(RevisionError, match="both name database migrations"):
        squash_revisions(tmp_path, names[1], "Both", None)


def test_squashing_when_nothing_follows_is_refused(tmp_path: Path) -> None:
    _, second = two(tmp_path)
    for name in (second, "nothing"):
        with pytest.raises(RevisionError, match="name one that others follow: 2026-01-01_one"):
            squash_revisions(tmp_path, name, None, None)
