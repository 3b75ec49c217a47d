from pathlib import Path
from typing import Any

import pytest

from perdure.errors import DocumentError
from perdure.openapi.loading import load_document, parse_document


def yaml(text: str) -> Any:
    return parse_document(text.encode(), "it", suffix=".yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"), ("no", "no"), ("NO", "NO"), ("y", "y"), ("off", "off"), ("true", True), ("False", False),
        ("2020-01-01", "2020-01-01"), ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("12:30:45", "12:30:45"), ("1_000", "1_000"), ("010", 10), ("0x1F", 31), ("0o17", 15), ("-5", -5),
        ("1.50", 1.5), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("1.2.3", "1.2.3"), ("3.0.3", "3.0.3"),
        ("~", None), ("null", None), ("", None), ("=", "="), ("'200'", "200"), ("!!str 200", "200"),
        ("!!timestamp 2020-01-01", "2020-01-01"), ("-.inf", float("-inf")),
        ("123456789012345678901", 123456789012345678901),
    ],
)  # fmt: skip
def test_yaml_scalar_means_what_version_1_2_says(text: str, value: object) -> None:
    found = yaml(f"key: {text}")["key"]
    assert (value, type(value)) == (found, type(found))


def test_yaml_keys_are_the_texts_that_stand_there() -> None:
    text = "{200: a, on: b, 2020-01-01: c, 4XX: d, null: e, 1.0: f}"
    assert {"200": "a", "on": "b", "2020-01-01": "c", "4XX": "d", "null": "e", "1.0": "f"} == yaml(text)


def test_yaml_anchors_and_merges_are_followed() -> None:
    text = "base: &base {a: 1, b: 2}\nother: {<<: *base, b: 3}\nsame: *base\n"
    assert {"base": {"a": 1, "b": 2}, "other": {"a": 1, "b": 3}, "same": {"a": 1, "b": 2}} == yaml(text)


def test_yaml_whose_aliases_multiply_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    with pytest.raises(DocumentError, match="line 8: aliases make more than"):
        yaml("\n".join(lines))


def test_number_with_more_digits_than_python_parses_is_infinite() -> None:
    assert {"max": float("inf"), "min": float("-inf")} == yaml(f"max: {'9' * 5000}\nmin: -{'9' * 5000}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'{\n "a": 1,\n "b" 2}', r"a\.json, line 3: .*expected ':'"),
        ("a.json", b'{"a": "\xff"}', "not in UTF-8"),
        ("a.yaml", b"\xff\xfe", "not in UTF-8"),
        ("a.json", b"  \n", "is empty"),
        ("a.json", b"openapi: 3.0.0", "JSON is malformed"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.yaml", b"[" * 100_000, "line 1: nested too deeply"),
        ("a.yaml", b"a: 1\nb: [1\nc: 2\n", r"a\.yaml, line 3: "),
        ("a.yaml", b"a: !!python/object/apply:os.getcwd []", r"line 1: .*getcwd is no JSON value"),
        ("a.yaml", b"a: !!set {b, c}", "line 1: .*set is no JSON value"),
        ("a.yaml", b"[1, 2]: 3", "line 1: a key must be a text"),
        ("a.yaml", b"a: *nowhere", r"line 1: the alias \*nowhere stands for nothing"),
        ("a.yaml", b"a: \x00", r"a\.yaml"),
        ("a.yaml", b"a: &a [*a]", "line 1: the alias"),
        ("a.yaml", b"a: 1\n---\nb: 2", "line 2: a second document begins"),
        ("a.yaml", b"<<: 1", "<< takes a mapping"),
        ("a.yaml", b"a: !!int x", "line 1: 'x' is no int"),
        ("a.txt", b'{"a": ', "Input data was truncated"),
    ],
)  # fmt: skip
def test_file_that_is_not_what_it_says_is_refused_with_its_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(DocumentError, match=message):
        load_document(file)


def test_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"nothing\.json cannot be read: No such file"):
        load_document(tmp_path / "nothing.json")
    with pytest.raises(DocumentError, match="cannot be read: Is a directory"):
        load_document(tmp_path)


@pytest.mark.parametrize("name", ["it", "it.txt", "it.JSON", "it.yml"])
def test_json_is_read_by_extension_or_by_content(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b'\xef\xbb\xbf {"a": [1, null, "\\u00e9"]}')
    assert {"a": [1, None, "é"]} == load_document(file)


def test_yaml_is_read_by_content(tmp_path: Path) -> None:
    file = tmp_path / "openapi"
    file.write_text("openapi: 3.0.3\n")
    assert {"openapi": "3.0.3"} == load_document(file)
