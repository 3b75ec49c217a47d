"""The path router."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.errors import MalformedRequestError
from perdure.routing.paths import PathRouter, check_path
from perdure.routing.templates import INT, Converter, PathTemplate


def router(*templates: str) -> PathRouter[str]:
    made = PathRouter[str]()
    for template in templates:
        made.add(PathTemplate.parse(template), template)
    return made


def found(made: PathRouter[str], path: str) -> list[str]:
    return [value for value, _ in made.matches(path)]


def test_match_static_path_has_no_parameters() -> None:
    assert router("/orders").match("/orders") == ("/orders", {})


def test_match_gives_parameters_as_text() -> None:
    assert router("/a/{x}/b/{y:int}").match("/a/é b/b/42") == ("/a/{x}/b/{y:int}", {"x": "é b", "y": "42"})


def test_match_root() -> None:
    assert router("/").match("/") == ("/", {})


@pytest.mark.parametrize(
    "path", ["/users/abc", "/users/", "/users", "/users/1/", "/users//1", "//users/1", "users/1", "", "*"]
)
def test_match_misses(path: str) -> None:
    made = router("/users/{id:int}")
    assert made.match(path) is None
    assert list(made.matches(path)) == []


def test_match_trailing_slash_is_another_path() -> None:
    made = router("/orders", "/items/")
    assert made.match("/orders/") is None
    assert made.match("/items") is None
    assert made.match("/items/") == ("/items/", {})


def test_match_is_case_sensitive() -> None:
    assert router("/Orders").match("/orders") is None


def test_plain_parameter_does_not_take_an_empty_segment() -> None:
    assert router("/a/{x}").match("/a/") is None


def test_precedence_static_then_converter_then_plain_then_catch_all() -> None:
    made = router("/f/{rest:path}", "/f/{x}", "/f/{x:float}", "/f/{x:int}", "/f/7")
    assert found(made, "/f/7") == ["/f/7", "/f/{x:int}", "/f/{x:float}", "/f/{x}", "/f/{rest:path}"]
    assert found(made, "/f/7.5") == ["/f/{x:float}", "/f/{x}", "/f/{rest:path}"]
    assert found(made, "/f/a/b") == ["/f/{rest:path}"]


def test_own_converters_go_before_ours_in_order_of_registration() -> None:
    own = (Converter(name="even", pattern="[0-9]*[02468]"), Converter(name="small", pattern="[0-9]"))
    made = PathRouter[str]()
    for text in ("/{x:int}", "/{x:small}", "/{x:even}"):
        made.add(PathTemplate.parse(text, own), text)
    assert found(made, "/4") == ["/{x:small}", "/{x:even}", "/{x:int}"]


def test_match_comes_back_from_a_dead_end() -> None:
    made = router("/a/b/c", "/a/{x}/d", "/{y}/b/{z}/e", "/{rest:path}")
    assert made.match("/a/b/d") == ("/a/{x}/d", {"x": "b"})
    assert made.match("/a/b/c/e") == ("/{y}/b/{z}/e", {"y": "a", "z": "c"})
    assert made.match("/a/b/c/f") == ("/{rest:path}", {"rest": "a/b/c/f"})


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/f/", ""),
        ("/f/a", "a"),
        ("/f/a/b.txt", "a/b.txt"),
        ("/f/a/", "a/"),
        ("/f", None),
        ("/f//etc/passwd", None),
        ("/f/a//b", None),
        ("/f//", None),
    ],
)
def test_catch_all_takes_the_rest_but_no_second_root(path: str, rest: str | None) -> None:
    matched = router("/f/{rest:path}").match(path)
    assert rest == (None if matched is None else matched[1]["rest"])


def test_same_shape_keeps_the_names_of_each_template() -> None:
    made = PathRouter[str]()
    made.add(PathTemplate.parse("/a/{x}"), "GET")
    made.add(PathTemplate.parse("/a/{y}"), "POST")
    assert list(made.matches("/a/1")) == [("GET", {"x": "1"}), ("POST", {"y": "1"})]


@pytest.mark.parametrize("text", ["/a", "/a/{x}", "/{rest:path}"])
def test_add_same_template_again_returns_what_is_there(text: str) -> None:
    made = PathRouter[dict[str, int]]()
    first = made.add(PathTemplate.parse(text), {"GET": 1})
    second = made.add(PathTemplate.parse(text), {"POST": 2})
    assert first is second
    assert len(list(made.matches("/a/b" if "{x}" in text else "/a"))) == 1


def test_match_does_not_share_the_dictionary_of_parameters() -> None:
    made = router("/a")
    matched = made.match("/a")
    assert matched is not None
    matched[1]["x"] = "y"
    assert made.match("/a") == ("/a", {})


PARTS = ("a", "1", "{:int}", "{:float}", "{}")
SEGMENTS = ("a", "1", "2", "2.5", "x", "")


@st.composite
def templates(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.sampled_from(PARTS), max_size=4))
    names = iter(draw(st.permutations("pqrst")))
    written = [part.replace("{", "{" + next(names)) if part.startswith("{") else part for part in parts]
    end = draw(st.sampled_from(["", "/", "/{rest:path}"]))
    return "/" + "/".join(written) + (end if written else end.lstrip("/"))


def oracle(known: list[str], path: str) -> list[tuple[str, dict[str, str]]]:
    """All templates by one regular expression each, sorted by what each segment is; nothing of the router's."""
    ranks = {"int": 1, "float": 2, "": 3, "path": 4}
    patterns = {
        "int": "(?:0|-?[1-9][0-9]*)",
        "float": r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?",
        "": "[^/]+",
        "path": "(?:[^/]+/)*[^/]*",
    }
    matched = []
    for order, template in enumerate(dict.fromkeys(known)):
        key, pattern = [], ""
        for segment in template.split("/")[1:]:
            parameter = re.fullmatch(r"\{(\w+):?(\w*)\}", segment)
            key.append(ranks[parameter[2]] if parameter else 0)
            pattern += "/" + (f"(?P<{parameter[1]}>{patterns[parameter[2]]})" if parameter else re.escape(segment))
        if match := re.fullmatch(pattern, path):
            matched.append((key, order, (template, match.groupdict())))
    return [answer for _, _, answer in sorted(matched, key=lambda entry: entry[:2])]


@st.composite
def tables_and_paths(draw: st.DrawFn) -> tuple[list[str], str]:
    """Templates of few parts, so that they share beginnings, and a path most of which one of them leads along."""
    known = draw(st.lists(templates(), min_size=1, max_size=12))
    leader = draw(st.sampled_from(known)).split("/")[1:]
    segments = [
        draw(st.sampled_from(SEGMENTS)) if part.startswith("{") or draw(st.integers(0, 4)) == 0 else part
        for part in leader
    ]
    return known, "/" + "/".join(segments + draw(st.lists(st.sampled_from(SEGMENTS), max_size=1)))


@settings(max_examples=500, deadline=None)
@given(tables_and_paths())
def test_router_agrees_with_trying_every_template(case: tuple[list[str], str]) -> None:
    known, path = case
    made = router(*known)
    expected = oracle(known, path)
    assert expected == list(made.matches(path))
    assert (expected[0] if expected else None) == made.match(path)


@pytest.mark.parametrize(
    "path", ["/", "/a/b", "/.well-known/x", "/a/.b", "/a/..b", "/a/b..", "/...", "/a/b.", "/é", "/a b", "//"]
)
def test_check_path_lets_normal_paths_pass(path: str) -> None:
    check_path(path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/.", "segment"), ("/..", "segment"), ("/a/../b", "segment"), ("/a/./b", "segment"), ("/a/..", "segment"),
        ("/é/..", "segment"), ("/./", "segment"),
        ("/a\x00b", "U+0000"), ("/a\nb", "U+000A"), ("/..\n", "U+000A"), ("/a\x7f", "U+007F"), ("/a\x85", "U+0085"),
        ("/a\ufffd", "not UTF-8"), ("/a\udc80", "U+DC80"),
    ],
)  # fmt: skip
def test_check_path_refuses(path: str, message: str) -> None:
    with pytest.raises(MalformedRequestError, match=re.escape(message)):
        check_path(path)


@given(st.text("-+ 0123456789٣²x", max_size=6) | st.from_regex(r"-?[0-9]{295,305}", fullmatch=True))
def test_int_admits_what_its_pattern_says(text: str) -> None:
    template = "/years/{year:int}"
    admitted = re.fullmatch(INT.pattern, text) is not None
    assert ((template, {"year": text}) if admitted else None) == router(template).match(f"/years/{text}")
