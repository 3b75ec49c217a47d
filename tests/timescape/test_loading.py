import sys
from pathlib import Path

import pytest

from perdure.errors import RevisionError
from perdure.gtype.nodes import Field, Node, Number, Object, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.delta import Delta, delta, write_delta
from perdure.timescape.loading import load_revisions

FIRST = Api(types={"Money": Number()}, endpoints={"GET /prices": Endpoint(handler="p", response=Ref(name="Money"))})
MONEY: Node = Object(fields=(Field(name="amount", node=String()),))
SECOND = Api(types={"Money": MONEY}, endpoints=FIRST.endpoints)
HEAD = "from perdure.timescape.revision import Revision\n"
UPGRADE = """
@revision.request("Money")
def upgrade(amount: float) -> dict[str, str]:
    return {"amount": str(amount)}
"""


def put(folder: Path, name: str, source: str, change: Delta | None) -> None:
    (folder / f"{name}.py").write_text(source)
    if change is not None:
        write_delta(folder, name, change)


def put_two(
    folder: Path, *, second: str = 'revision = Revision("2026-02-10", label="v2.0.0", after="first")\n'
) -> None:
    put(
        folder,
        "first",
        f'"""How it began.\n\nMore."""\n{HEAD}revision = Revision("2025-06-01", label="v1.0.0")\n',
        delta(Api(), FIRST),
    )
    put(folder, "a_second", HEAD + second, delta(FIRST, SECOND))


def refusal(folder: Path) -> str:
    with pytest.raises(RevisionError) as caught:
        load_revisions(folder)
    return str(caught.value)


def test_folder_when_in_order_gives_revisions_by_after_with_their_apis(tmp_path: Path) -> None:
    put_two(tmp_path, second=f'revision = Revision("2026-02-10", after="first")\n{UPGRADE}')
    put(tmp_path, "_draft", "raise SystemExit", None)
    before = (list(sys.path), set(tmp_path.iterdir()))
    first, second = load_revisions(tmp_path)
    assert (first.name, first.label, first.message) == ("first", "v1.0.0", "How it began.")
    assert (Api(), FIRST, FIRST, SECOND) == (first.before, first.after, second.before, second.after)
    assert [each.target for each in second.transformers] == ["Money"]
    assert second.transformers[0].function(1) == {"amount": "1"}
    assert before == (sys.path, set(tmp_path.iterdir())), "nothing is written, no path is added"


def test_folder_when_empty_gives_none(tmp_path: Path) -> None:
    assert load_revisions(tmp_path) == ()


def test_file_when_edited_within_the_same_second_is_read_as_it_is_now(tmp_path: Path) -> None:
    put_two(tmp_path)
    load_revisions(tmp_path)
    put_two(tmp_path, second='revision = Revision("2026-02-11", label="v2.0.0", after="first")\n')
    assert load_revisions(tmp_path)[1].seconds == 1_770_768_000


def test_file_when_it_defines_types_of_its_own_may_use_its_annotations(tmp_path: Path) -> None:
    source = """from __future__ import annotations
from dataclasses import dataclass, field
from typing import ClassVar
from perdure.timescape.revision import Revision
@dataclass
class Amount:
    zero: ClassVar[int] = 0
    value: int = field(default=1)
revision = Revision("2026-02-10", after="first")
"""
    put_two(tmp_path)
    (tmp_path / "a_second.py").write_text(source)
    assert load_revisions(tmp_path)[1].name == "a_second"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("x = = 1\n", "a_second.py:2: SyntaxError"),
        ("x = 1\nx / 0\n", "a_second.py:3: ZeroDivisionError"),
        ("x = 1\n", "must export a `revision`"),
        ('revision = Revision("soon")\n', "a_second.py:2: 'soon'"),
        ('revision = Revision("2026-02-10")\n', "are both the first"),
        ('revision = Revision("2026-02-10", after="third")\n', "a_second.py:2: after='third' names no file"),
        ('revision = Revision("2026-02-10", after="a_second")\n', "follows itself"),
        ('revision = Revision("2025-05-31", after="first")\n', "is dated before it"),
        ('revision = Revision("2026-02-10", label="1.0.0", after="first")\n', "'first' has the label '1.0.0' already"),
        (
            'revision = Revision("2026-02-10", after="first")\nrevision.response("Mony")(str)\n',
            "there was no type 'Mony' before this revision; did you mean 'Money'?",
        ),
        (
            'revision = Revision("2026-02-10", after="first")\nrevision.response("GET /price")(str)\n',
            "did you mean 'GET /prices'?",
        ),
        (
            'revision = Revision("2026-02-10", after="first")\nrevision.problem("GET /price")(str)\n',
            "no endpoint 'GET /price'",
        ),
        (
            'revision = Revision("2026-02-10", after="first")\nrevision.moved("GET /x", to="GET /prices")\n',
            "a_second.py:3: there was no",
        ),
        (
            'revision = Revision("2026-02-10", after="first")\nrevision.moved("GET /prices", to="GET /x")\n',
            "since this revision",
        ),
    ],
)
def test_file_when_wrong_is_refused_saying_where_and_why(tmp_path: Path, second: str, said: str) -> None:
    put_two(tmp_path, second=second)
    assert said in refusal(tmp_path)


def test_files_when_two_follow_the_same_are_refused(tmp_path: Path) -> None:
    put_two(tmp_path)
    put(tmp_path, "third", f'{HEAD}revision = Revision("2026-03-01", after="first")\n', Delta())
    assert "'a_second' and 'third' both follow 'first'" in refusal(tmp_path)


def test_answer_of_a_further_status_when_its_type_is_not_recorded_is_refused(tmp_path: Path) -> None:
    put_two(tmp_path)
    endpoint = Endpoint(handler="p", response=Ref(name="Money"), responses={"404": Ref(name="Lost")})
    write_delta(tmp_path, "a_second", Delta(types={"Money": MONEY}, endpoints={"GET /prices": endpoint}))
    assert "'GET /prices' refers to 'Lost', which is not recorded" in refusal(tmp_path)


def test_recording_when_missing_orphaned_or_wrong_is_refused(tmp_path: Path) -> None:
    put_two(tmp_path)
    (tmp_path / "a_second.json").unlink()
    assert "a_second.json: missing" in refusal(tmp_path)
    write_delta(tmp_path, "a_second", Delta(types={"Gone": None}))
    assert "a_second.json: the recorded delta removes the type 'Gone'" in refusal(tmp_path)
    write_delta(tmp_path, "a_second", Delta(types={"Money": None}))
    assert "refers to 'Money', which is not recorded" in refusal(tmp_path)
    (tmp_path / "a_second.json").write_text("{")
    assert "a_second.json: not a recorded delta" in refusal(tmp_path)
    (tmp_path / "a_second.py").unlink()
    assert "a_second.py it belongs to is missing" in refusal(tmp_path)


def test_move_when_a_new_path_parameter_is_not_filled_is_refused(tmp_path: Path) -> None:
    moved = Api(types=FIRST.types, endpoints={"GET /prices/{sku:str}": FIRST.endpoints["GET /prices"]})
    source = (
        'revision = Revision("2026-02-10", after="first")\nrevision.moved("GET /prices", to="GET /prices/{sku:str}")\n'
    )
    put_two(tmp_path, second=source)
    write_delta(tmp_path, "a_second", delta(FIRST, moved))
    assert "nothing fills {sku}" in refusal(tmp_path)
    (tmp_path / "a_second.py").write_text(
        f'{HEAD}{source}\n@revision.request("GET /prices")\ndef fill(request) -> None: ...\n'
    )
    assert len(load_revisions(tmp_path)) == 2
