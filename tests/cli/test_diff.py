"""`perdure diff`: what it compares, what it prints, how it ends."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perdure.cli.main import main
from perdure.timescape.delta import delta, write_delta
from perdure.timescape.renames import Renames
from tests.cli.versioned import APP, ONE, RECORDED, TWO, write_project

Printed = pytest.CaptureFixture[str]

OLD = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        "/orders/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "operationId": "getOrder",
                "responses": {
                    "200": {
                        "description": "the order",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
                    }
                },
            },
            "delete": {"operationId": "deleteOrder", "responses": {"204": {"description": "gone"}}},
        },
        "/orders": {
            "post": {
                "operationId": "createOrder",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
                },
                "responses": {"201": {"description": "made"}},
            }
        },
    },
    "components": {
        "schemas": {
            "Order": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string"}, "total": {"type": "integer", "maximum": 100}},
            }
        }
    },
}  # fmt: skip
NEW = json.loads(
    json.dumps(OLD).replace('"maximum": 100', '"maximum": 200').replace("{id}", "{order_id}").replace(
        '"name": "id"', '"name": "order_id"'
    )
)  # fmt: skip
del NEW["paths"]["/orders/{order_id}"]["delete"]
STATES = {"enum": ["open", "done", "gone"]}
SCHEMA = {"type": "object", "properties": {"qty": {"type": "integer", "minimum": 1}}, "required": ["qty"]}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], str]:
    """Write a document into the current folder, which is empty, and return its name."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, document: object) -> str:
        Path(name).write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
        return name

    return write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path)


def rows(capsys: Printed, *arguments: str, code: int = 0) -> list[dict[str, str]]:
    assert code == main(["diff", *arguments, "--format", "json"]), capsys.readouterr().err
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return found


def told(found: list[dict[str, str]]) -> set[tuple[str, str, str, str]]:
    return {(row["method"], row["path"], row["pointer"], row["rule"]) for row in found}


def test_two_openapi_documents_are_told_by_gravity_and_endpoint(written: Callable[..., str], capsys: Printed) -> None:
    assert main(["diff", written("old.json", OLD), written("new.json", NEW)]) == 0
    expected = """\
breaking
  DELETE /orders/{id}
    endpoint-removed
      the endpoint was there and is gone
  GET /orders/{id}
    /body/total  response-maximum-raised  in Order
      the maximum was 100 and is now 200

compatible
  POST /orders
    /body/total  request-maximum-raised  in Order
      the maximum was 100 and is now 200
  GET /orders/{id}
    /path/id  path-parameter-renamed
      the path parameter "id" is now called "order_id"

2 breaking, 2 compatible at 3 endpoints
"""
    printed = capsys.readouterr()
    assert expected == printed.out
    assert "" == printed.err


def test_json_has_exactly_the_documented_members(written: Callable[..., str], capsys: Printed) -> None:
    found = rows(capsys, written("old.json", OLD), written("new.json", NEW))
    assert {
        "rule": "response-maximum-raised", "level": "breaking", "pointer": "/body/total", "method": "GET",
        "path": "/orders/{id}", "direction": "response", "message": "the maximum was 100 and is now 200",
    } in found  # fmt: skip
    assert {"rule", "level", "pointer", "method", "path", "direction", "message"} == set().union(*found)


@pytest.mark.parametrize("format", ["text", "json"])
def test_nothing_changed_makes_no_noise(written: Callable[..., str], capsys: Printed, format: str) -> None:
    old, new = written("old.json", OLD), written("new.json", OLD)
    assert main(["diff", old, new, "--format", format, "--fail-on", "risky"]) == 0
    printed = capsys.readouterr()
    assert ("" if format == "text" else "[]\n", "") == (printed.out, printed.err)


@pytest.mark.parametrize(
    ("before", "after", "breaking", "risky"),
    [("minimum: 1", "minimum: 2", 1, 1), ("name", "name, format: hostname", 0, 1), ("minimum: 1", "minimum: 0", 0, 0)],
)
def test_fail_on_ends_with_1_from_its_level_on(
    written: Callable[..., str], capsys: Printed, before: str, after: str, breaking: int, risky: int
) -> None:
    schema = "properties:\n  a: {type: string, title: name}\n  b: {type: integer, minimum: 1}\ntype: object\n"
    old, new = written("old.yaml", schema), written("new.yaml", schema.replace(before, after))
    for level, code in (("breaking", breaking), ("risky", risky)):
        assert code == main(["diff", old, new, "--as", "request", "--fail-on", level])
    assert 0 == main(["diff", old, new, "--as", "request"])
    assert capsys.readouterr().out


def test_direction_of_two_schemas_decides_what_breaks(written: Callable[..., str], capsys: Printed) -> None:
    wider = {**SCHEMA, "properties": {"qty": {"type": "integer", "minimum": 0}}}
    old, new = written("old.json", SCHEMA), written("new.yml", wider)
    assert [("compatible", "request-minimum-lowered", "/qty", "", "")] == [
        (row["level"], row["rule"], row["pointer"], row["method"], row["path"])
        for row in rows(capsys, old, new, "--as", "request")
    ]
    assert ["breaking"] == [row["level"] for row in rows(capsys, old, new, "--as", "response")]


def test_profile_strict_asks_more_of_answers(written: Callable[..., str], capsys: Printed) -> None:
    more = {**SCHEMA, "properties": {**SCHEMA["properties"], "note": {"type": "string"}}}  # type: ignore[dict-item]
    old, new = written("old.json", SCHEMA), written("new.json", more)
    levels = [
        rows(capsys, old, new, "--as", "response", "--profile", profile)[0]["level"] for profile in ("json", "strict")
    ]
    assert ["compatible", "breaking"] == levels


def test_rename_makes_one_change_of_two(written: Callable[..., str], capsys: Printed) -> None:
    renamed = json.loads(json.dumps(SCHEMA).replace("qty", "quantity"))
    old, new = written("old.json", SCHEMA), written("new.json", renamed)
    assert 2 == len(rows(capsys, old, new, "--as", "request"))
    assert ["request-property-renamed"] == [
        row["rule"] for row in rows(capsys, old, new, "--as", "request", "--rename", "qty=quantity")
    ]
    api = written("api.json", json.dumps(OLD))
    other = written("other.json", json.dumps(OLD).replace('"total"', '"sum"'))
    assert {"request-property-renamed", "response-property-renamed"} == {
        row["rule"] for row in rows(capsys, api, other, "--rename", "Order.total=sum")
    }


def test_move_makes_one_change_of_two(written: Callable[..., str], capsys: Printed) -> None:
    old = written("old.json", OLD)
    new = written("new.json", json.dumps(OLD).replace('"/orders"', '"/purchases"').replace("createOrder", "buy"))
    assert {"endpoint-added", "endpoint-removed"} == {row["rule"] for row in rows(capsys, old, new)}
    found = rows(capsys, old, new, "--move", "POST /orders=POST /purchases")
    assert ["endpoint-moved"] == [row["rule"] for row in found]


def test_names_are_printed_as_they_are(written: Callable[..., str], capsys: Printed) -> None:
    old = written("old.json", OLD)
    new = written("new.json", {**OLD, "security": [{"oauth": ["orders:key:[bold]"]}]})
    assert main(["diff", old, new]) == 0
    assert "and now needs oauth:orders:key:[bold]\n" in capsys.readouterr().out


def test_ignored_changes_do_not_count_and_idle_entries_are_named(written: Callable[..., str], capsys: Printed) -> None:
    old, new = written("old.json", OLD), written("new.json", NEW)
    written(
        "perdure-ignore.toml",
        '[[ignore]]\nrule = "endpoint-removed"\npath = "/orders/*"\nreason = "nobody calls it"\n'
        '[[ignore]]\nrule = "endpoint-moved"\nreason = "long ago"\n'
        '[[ignore]]\nrule = "response-*"\nreason = "until the clients are new"\nuntil = 2020-01-01\n',
    )
    assert main(["diff", old, new, "--fail-on", "breaking"]) == 1
    printed = capsys.readouterr()
    assert "endpoint-removed" not in printed.out
    assert printed.out.endswith("1 breaking, 2 compatible at 2 endpoints; 1 ignored\n")
    assert "rule endpoint-moved matches nothing any more" in printed.err
    assert "rule response-* ended on 2020-01-01" in printed.err


def test_ignore_names_another_file(written: Callable[..., str], capsys: Printed) -> None:
    old, new = written("old.json", OLD), written("new.json", NEW)
    accepted = written("accepted.toml", '[[ignore]]\nrule = "*"\nreason = "it is a draft"\n')
    assert main(["diff", old, new, "--fail-on", "risky", "--ignore", accepted]) == 0
    assert "nothing; 4 ignored\n" == capsys.readouterr().out


def test_what_of_a_document_is_not_compared_is_told_and_how_much_more_there_is(
    written: Callable[..., str], capsys: Printed
) -> None:
    def odd(count: int) -> dict[str, object]:
        schemas = {f"T{number}": {"type": "string", "not": {"const": "x"}} for number in range(count)}
        properties = {name: {"$ref": f"#/components/schemas/{name}"} for name in schemas}
        answer = {"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}}
        paths = {"/x": {"get": {"responses": {"200": {"description": "", **answer}}}}}
        return {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths,
                "components": {"schemas": schemas}}  # fmt: skip

    assert main(["diff", written("old.json", odd(7)), written("new.json", odd(1))]) == 0
    printed = capsys.readouterr().err.splitlines()
    assert 7 == len(printed)
    assert all(line.startswith("perdure: old.json: #/components/schemas/T") for line in printed[:5])
    assert "perdure: old.json: and 2 more places that cannot be compared" == printed[5]
    assert "perdure: new.json: #/components/schemas/T0/not: left out: what it says cannot be compared" == printed[6]


def test_stdin_is_a_document(tmp_path: Path) -> None:
    (tmp_path / "new.json").write_text(json.dumps(NEW))
    command = [sys.executable, "-m", "perdure", "diff", "-", "new.json", "--fail-on", "breaking", "--format", "json"]
    result = subprocess.run(
        command, cwd=tmp_path, input=json.dumps(OLD), capture_output=True, text=True, check=False, timeout=60
    )
    assert (1, "") == (result.returncode, result.stderr)
    assert "endpoint-removed" in {row["rule"] for row in json.loads(result.stdout)}


@pytest.mark.parametrize(
    ("documents", "arguments", "complaint"),
    [
        (('{\n"a": 1 x}', OLD), (), "old.json, line 2"),
        (("", OLD), (), "old.json is empty"),
        (("[1]", OLD), (), "old.json is neither an OpenAPI document nor a JSON Schema"),
        (('"x"', OLD), (), "old.json is neither an OpenAPI document nor a JSON Schema"),
        ((SCHEMA, {"not": {}}), ("--as", "request"), "new.json is no OpenAPI document, and no JSON Schema that can be"),
        ((SCHEMA, {"not": {}}), ("--as", "request"), "JSON Schema at #/not: the keyword 'not' is not supported"),
        (
            (SCHEMA, {"type": "object", "patternProperties": {"^a": {}}}),
            ("--as", "response"),
            "take out of both documents what cannot be compared",
        ),
        (({"openapi": "4.0.0"}, OLD), (), "old.json"),
        (({"openapi": 3}, OLD), (), "old.json"),
        (({"foo": 1}, {"foo": 2}), ("--as", "request"), "old.json is no OpenAPI document, and no JSON Schema"),
        ((SCHEMA, OLD), (), "new.json is an OpenAPI document, but old.json is none"),
        ((OLD, SCHEMA), ("--as", "request"), "old.json is an OpenAPI document, but new.json is none"),
        ((SCHEMA, SCHEMA), (), "say --as request or --as response"),
        ((OLD, OLD), ("--as", "request"), "--as is for two JSON Schemas"),
        ((OLD, OLD), ("--from", "v1"), "--from and --to name versions of an app"),
        ((OLD, OLD), ("--rename", "Order"), "--rename Order"),
        ((OLD, OLD), ("--rename", "Ordr.total=sum"), "Ordr"),
        ((OLD, OLD), ("--rename", "Order.totl=sum"), "did you mean 'total'?"),
        ((STATES, STATES), ("--as", "request", "--rename", "dne=x"), "the schema had no 'dne'; did you mean 'done'"),
        ((STATES, STATES), ("--as", "request", "--rename", "done=x"), "the schema has no 'x'"),
        ((SCHEMA, SCHEMA), ("--as", "request", "--rename", "Lin.qty=x"), "there was no type 'Lin'"),
        ((SCHEMA, SCHEMA), ("--as", "request", "--rename", "/a.qty=x"), "/a had no 'qty'"),
        ((OLD, OLD), ("--move", "GET /x=GET /y"), "--move GET /x=GET /y"),
        ((SCHEMA, SCHEMA), ("--as", "request", "--move", "GET /x=GET /y"), "--move is for APIs"),
        ((SCHEMA, SCHEMA), ("--as", "request", "--rename", "x"), "--rename x"),
        ((OLD, OLD), ("--ignore", "gone.toml"), "gone.toml cannot be read"),
        ((OLD, OLD), ("--ignore", "old.json"), "old.json: not TOML"),
        ((OLD, OLD), ("third.json",), "not old.json new.json third.json"),
        ((OLD, OLD), ("--format", "xml"), "xml"),
        ((OLD, OLD), ("--fial-on", "breaking"), "there is no option --fial-on"),
        (({"swagger": "2.0", "paths": {}}, OLD), (), "convert it to OpenAPI 3"),
        ((OLD, OLD), ("--fail-on", "compatible"), "compatible"),
    ],
)
def test_what_cannot_be_compared_ends_with_2_and_a_sentence(
    written: Callable[..., str], capsys: Printed, documents: tuple[object, object], arguments: tuple[str, ...],
    complaint: str,
) -> None:  # fmt: skip
    old, new = written("old.json", documents[0]), written("new.json", documents[1])
    assert main(["diff", old, new, *arguments]) == 2
    printed = capsys.readouterr()
    assert "" == printed.out
    assert complaint in printed.err
    assert "Traceback" not in printed.err


def test_file_that_is_not_there_ends_with_2(written: Callable[..., str], capsys: Printed) -> None:
    assert main(["diff", "gone.json", written("new.json", OLD)]) == 2
    assert "gone.json cannot be read" in capsys.readouterr().err
    assert main(["diff", "new.json"]) == 2
    assert "name the one to compare it with" in capsys.readouterr().err


def test_code_is_compared_with_the_last_revision(project: Path, capsys: Printed) -> None:
    assert {
        ("GET", "/orders", "", "endpoint-added"),
        ("GET", "/orders/{order_id}", "/body/note", "response-required-property-added"),
    } == told(rows(capsys))
    assert rows(capsys) == rows(capsys, "app.py", "--from", "v2.0.0", "--to", "code")


@pytest.mark.parametrize(
    ("start", "end"),
    [("v1.0.0", "v2.0.0"), ("v1", "2026-02-01"), ("2026-01-01_first", "2026-02-01_total"), ("2026-01-31", "latest")],
)
def test_versions_are_named_as_clients_and_files_name_them(
    project: Path, capsys: Printed, start: str, end: str
) -> None:
    assert {
        ("GET", "/order/{order_id}", "", "endpoint-moved"),
        ("GET", "/order/{order_id}", "/body/sum", "response-required-property-removed"),
        ("GET", "/order/{order_id}", "/body/total", "response-required-property-added"),
    } == told(rows(capsys, "--from", start, "--to", end))


def test_moves_are_followed_over_several_revisions(project: Path, capsys: Printed) -> None:
    assert {("GET", "/order/{order_id}", "", "endpoint-moved"), ("GET", "/orders", "", "endpoint-added")} <= told(
        rows(capsys, "--from", "v1")
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--from", "v7"), "no version answers to 'v7'; there are v1.0.0, v2.0.0, code"),
        (("--from", "v2", "--to", "v1"), "v2.0.0 (2026-02-01) is newer than v1.0.0 (2026-01-01)"),
        (("--from", "2025-01-01"), "2025-01-01"),
        (("gone.py",), "there is no file"),
        (("--as", "request"), "--as is for two JSON Schemas"),
    ],
)
def test_versions_that_are_not_there_end_with_2(
    project: Path, capsys: Printed, arguments: tuple[str, ...], complaint: str
) -> None:
    assert main(["diff", *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_app_without_revisions_has_nothing_to_compare_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    assert main(["diff"]) == 2
    assert "no revision is recorded yet" in capsys.readouterr().err


def test_documents_of_two_versions_tell_what_the_versions_do(project: Path, capsys: Printed) -> None:
    project.write_text(RECORDED)
    for version, file in (("v1", "old.json"), ("v2", "new.json")):
        assert main(["openapi", "--version", version, "--output", file]) == 0
    capsys.readouterr()
    assert rows(capsys, "--from", "v1", "--to", "v2") == rows(capsys, "old.json", "new.json")


def with_states(*values: str) -> object:
    """The API with an order's state, a type of its own."""
    document = json.loads(json.dumps(OLD))
    document["components"]["schemas"]["State"] = {"enum": list(values)}
    document["components"]["schemas"]["Order"]["properties"]["state"] = {"$ref": "#/components/schemas/State"}
    return document


def test_renamed_value_is_one_change_and_breaks_both_ways(written: Callable[..., str], capsys: Printed) -> None:
    old, new = written("old.json", with_states("open", "done")), written("new.json", with_states("open", "completed"))
    found = rows(capsys, old, new, "--rename", "State.done=completed")
    assert {("breaking", "request-enum-value-renamed"), ("breaking", "response-enum-value-renamed")} == {
        (row["level"], row["rule"]) for row in found
    }
    assert {'"done" is now called "completed"'} == {row["message"] for row in found}


def test_hint_on_a_value_that_is_still_there_is_refused(written: Callable[..., str], capsys: Printed) -> None:
    old, new = written("old.json", with_states("open", "done")), written("new.json", with_states("open", "completed"))
    assert main(["diff", old, new, "--rename", "State.open=completed"]) == 2
    assert "State still has 'open', so it was not renamed" in capsys.readouterr().err


def test_value_that_became_another_known_one_is_removed_and_breaks_requests_only(
    written: Callable[..., str], capsys: Printed
) -> None:
    old, new = written("old.json", {"enum": ["a", "b", "c"]}), written("new.json", {"enum": ["a", "b"]})
    for direction, level in (("request", "breaking"), ("response", "compatible")):
        found = rows(capsys, old, new, "--as", direction, "--rename", "c=b")
        assert [(level, f"{direction}-enum-value-removed", '"c" was one of 3 values and is "b" now')] == [
            (row["level"], row["rule"], row["message"]) for row in found
        ]


def test_members_that_change_places_are_told_though_the_types_are_alike(
    written: Callable[..., str], capsys: Printed
) -> None:
    swapped = ("--rename", "Order.id=total", "--rename", "Order.total=id")
    document = json.loads(json.dumps(OLD).replace('{"type": "integer", "maximum": 100}', '{"type": "string"}'))
    same = written("old.json", document)
    assert () == tuple(rows(capsys, same, same))
    assert {'the property "id" is now called "total"', 'the property "total" is now called "id"'} <= {
        row["message"] for row in rows(capsys, same, same, *swapped)
    }


def test_rename_in_a_type_without_a_name_is_told_by_its_pointer(written: Callable[..., str], capsys: Printed) -> None:
    def lists(name: str) -> object:
        inner = {"type": "object", "properties": {name: {"type": "string"}}}
        return {"type": "object", "properties": {"lines": {"type": "array", "items": inner}}}

    old, new = written("old.json", lists("qty")), written("new.json", lists("size"))
    assert ["request-property-renamed"] == [
        row["rule"] for row in rows(capsys, old, new, "--as", "request", "--rename", "/lines/*.qty=size")
    ]


def test_recorded_renames_are_followed_from_version_to_version(project: Path, capsys: Printed) -> None:
    revisions = project.parent / "revisions"
    change = delta(ONE, TWO, Renames(members={"Order": {"sum": "total"}}))
    write_delta(revisions, "2026-02-01_total", change)
    found = rows(capsys, "--from", "v1.0.0", "--to", "v2.0.0")
    assert {("", "endpoint-moved"), ("/body/sum", "response-property-renamed")} == {
        (row["pointer"], row["rule"]) for row in found
    }
    assert "response-property-renamed" in {row["rule"] for row in rows(capsys, "--from", "v1.0.0", "--to", "code")}
    assert "renamed" not in str(rows(capsys, "--from", "v2.0.0"))
