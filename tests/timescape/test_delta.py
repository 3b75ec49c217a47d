from pathlib import Path

import pytest

from perdure.errors import RevisionError
from perdure.gtype.nodes import Field, Number, Object, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.delta import Delta, apply, decode_delta, delta, encode_delta, write_delta

OLD = Api(
    types={"Money": Number(), "Line": Object(fields=(Field(name="price", node=Ref(name="Money")),))},
    endpoints={"GET /a": Endpoint(handler="a"), "GET /b": Endpoint(handler="b")},
)
NEW = Api(
    types={"Money": String(), "Line": OLD.types["Line"], "Page": Number()},
    endpoints={"GET /a": Endpoint(handler="a"), "GET /c": Endpoint(handler="b")},
)


def test_delta_when_applied_to_the_old_gives_the_new() -> None:
    assert apply(OLD, delta(OLD, NEW)) == NEW
    assert apply(NEW, delta(NEW, OLD)) == OLD
    assert apply(Api(), delta(Api(), NEW)) == NEW


def test_delta_when_taken_names_only_what_differs() -> None:
    change = delta(OLD, NEW)
    assert {"Money": String(), "Page": Number()} == change.types
    assert {"GET /b": None, "GET /c": Endpoint(handler="b")} == change.endpoints
    assert Delta() == delta(OLD, OLD)


def test_file_when_written_and_read_is_the_same_delta_and_the_same_bytes(tmp_path: Path) -> None:
    change = delta(OLD, NEW)
    path = write_delta(tmp_path, "2026-02-10_money", change)
    assert tmp_path / "2026-02-10_money.json" == path
    assert change == decode_delta("2026-02-10_money", path.read_bytes())
    backwards = Delta(types=dict(reversed(change.types.items())), endpoints=dict(reversed(change.endpoints.items())))
    assert path.read_text() == encode_delta("2026-02-10_money", backwards)
    assert path.read_text().startswith('{\n  "endpoints": {\n    "GET /b": null,\n')


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"revision": "r", "typos": {}}', '{"revision": "r", "types": {"A": 1}}', "[" * 100_000]
)
def test_file_when_malformed_is_refused(text: str) -> None:
    with pytest.raises(RevisionError, match="not a recorded delta"):
        decode_delta("r", text)


def test_file_when_of_another_revision_is_refused() -> None:
    with pytest.raises(RevisionError, match="rename"):
        decode_delta("other", encode_delta("r", Delta()))


def test_delta_when_it_removes_what_is_not_there_is_refused() -> None:
    with pytest.raises(RevisionError, match="'Gone'"):
        apply(OLD, Delta(types={"Gone": None}))
