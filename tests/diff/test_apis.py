"""What changed between two APIs: endpoints, what they take and answer, who may call them."""

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from perdure.diff.apis import diff_apis
from perdure.diff.endpoint_rules import ENDPOINT_RULES
from perdure.diff.findings import Finding
from perdure.gtype.nodes import (
    Array,
    DateTime,
    Enum,
    Field,
    Integer,
    Literal,
    Node,
    Null,
    Number,
    Object,
    Ref,
    String,
    Union,
)
from perdure.manifest.records import Api, Endpoint
from tests.nodes import obj

LINE = obj(sku=String(), quantity_=Integer(ge=1))
ORDER = obj(id=String(), lines=Array(items=Ref(name="Line")))
TYPES: dict[str, Node] = {"Line": LINE, "Order": ORDER}
PLAIN = Endpoint(handler="h", body_media=())
STR = String()
MAYBE = Union(members=(STR, Null()))
CSV = {"200": {"text/csv": STR}}
SLOW, FAST = ("10/60s per client",), ("20/60s per client",)


def one(endpoint: Endpoint, key: str = "POST /orders", types: dict[str, Node] = TYPES) -> Api:
    return Api(types=types, endpoints={key: endpoint})


def brief(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(finding.level, finding.rule, finding.pointer) for finding in findings]


def compare(old: Endpoint, new: Endpoint) -> list[tuple[str, str, str]]:
    return brief(diff_apis(one(old), one(new)))


def test_diff_when_nothing_changed_is_empty() -> None:
    api = one(replace(PLAIN, body=Ref(name="Order"), response=Ref(name="Order")))
    assert () == diff_apis(api, api)


def test_diff_when_endpoints_come_in_another_order_is_empty() -> None:
    keys = ("GET /a", "GET /b", "POST /a")
    endpoints = {key: Endpoint(handler=key, responses={"404": None, "409": None}) for key in keys}
    backwards = {key: Endpoint(handler=key, responses={"409": None, "404": None}) for key in reversed(keys)}
    assert () == diff_apis(Api(endpoints=endpoints), Api(endpoints=backwards))


def test_diff_does_not_depend_on_the_order_of_endpoints() -> None:
    keys = ("GET /b", "GET /a", "POST /a", "GET /c/{x}", "GET /c/{y}")
    old = {key: Endpoint(handler=key, query=obj(q_=String())) for key in keys}
    new = {key: Endpoint(handler=key, query=obj(q_=Integer())) for key in keys[:-1]}
    forwards = diff_apis(Api(endpoints=old), Api(endpoints=new))
    assert forwards == diff_apis(Api(endpoints=dict(sorted(old.items()))), Api(endpoints=dict(sorted(new.items()))))
    assert [f"{each.method} {each.path}" for each in forwards] == sorted(keys, key=lambda key: key.split()[::-1])


def test_diff_says_which_endpoints_are_gone_and_new() -> None:
    old = Api(endpoints={"GET /old": Endpoint(handler="a"), "GET /kept": Endpoint(handler="k")})
    new = Api(endpoints={"GET /new": Endpoint(handler="b"), "GET /kept": Endpoint(handler="k")})
    findings = diff_apis(old, new)
    assert [("compatible", "endpoint-added", "/new"), ("breaking", "endpoint-removed", "/old")] == [
        (each.level, each.rule, each.path) for each in findings
    ]
    assert {("GET", "endpoint", "")} == {(each.method, each.direction, each.pointer) for each in findings}


def test_diff_when_an_endpoint_was_moved_says_so_once_and_compares_what_it_carries() -> None:
    old = one(replace(PLAIN, response=Number()), "DELETE /orders/{id}")
    new = one(replace(PLAIN, response=String(), handler="cancel"), "POST /orders/{id}/cancel")
    findings = diff_apis(old, new, moves={"DELETE /orders/{id}": "POST /orders/{id}/cancel"})
    assert [
        ("breaking", "endpoint-moved", ""), ("breaking", "response-type-changed", "/body"),
    ] == brief(findings)  # fmt: skip
    assert {("DELETE", "/orders/{id}")} == {(each.method, each.path) for each in findings}
    assert "POST /orders/{id}/cancel" in findings[0].message


def test_diff_takes_an_endpoint_with_the_same_id_elsewhere_for_moved() -> None:
    findings = diff_apis(one(PLAIN, "GET /a"), one(PLAIN, "GET /b"))
    assert [("breaking", "endpoint-moved", "")] == brief(findings)


def test_diff_when_an_id_is_used_twice_does_not_guess_a_move() -> None:
    old = Api(endpoints={"GET /a": PLAIN, "GET /b": PLAIN})
    new = Api(endpoints={"GET /b": PLAIN, "GET /c": PLAIN})
    assert ["endpoint-removed", "endpoint-added"] == [each.rule for each in diff_apis(old, new)]


def test_diff_leaves_out_moves_of_endpoints_that_are_not_there() -> None:
    assert () == diff_apis(one(PLAIN), one(PLAIN), moves={"GET /x": "GET /y", "POST /orders": "GET /y"})


def test_diff_when_only_a_path_parameters_name_changed_knows_the_endpoint() -> None:
    old = replace(PLAIN, params=obj(id_=String()))
    new = replace(PLAIN, params=obj(user_id_=Integer()))
    findings = diff_apis(one(old, "GET /users/{id}/x"), one(new, "GET /users/{user_id}/x"))
    assert [
        ("compatible", "path-parameter-renamed", "/path/id"), ("breaking", "request-type-changed", "/path/id"),
    ] == brief(findings)  # fmt: skip
    assert {"/users/{id}/x"} == {each.path for each in findings}


def test_diff_when_path_parameters_swap_names_goes_by_their_place() -> None:
    old = replace(PLAIN, params=obj(a_=String(), b_=Integer()))
    new = replace(PLAIN, params=obj(b_=String(), a_=Integer()))
    assert ["path-parameter-renamed"] * 2 == [
        each.rule for each in diff_apis(one(old, "GET /{a}/{b}"), one(new, "GET /{b}/{a}"))
    ]


def test_diff_when_two_paths_differ_only_in_names_matches_equal_names_first() -> None:
    old = Api(endpoints={"GET /u/{id}": PLAIN, "GET /u/{name}": replace(PLAIN, status=201)})
    new = Api(endpoints={"GET /u/{name}": replace(PLAIN, status=201), "GET /u/{id}": PLAIN})
    assert () == diff_apis(old, new)


def test_diff_when_a_slash_was_added_to_a_path_says_that_the_endpoint_moved() -> None:
    old = replace(PLAIN, handler="a", params=obj(id_=String()))
    new = replace(PLAIN, handler="b", params=obj(key_=String()))
    found = brief(diff_apis(one(old, "GET /users/{id}"), one(new, "GET /users/{key}/")))
    assert [
        ("breaking", "endpoint-moved", ""), ("compatible", "path-parameter-renamed", "/path/id"),
    ] == found  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/", "//", "/a//b", "/users({id})", "/files/{name}.{ext}", "/ä/ö", "/a b/{x y}", "/{}"]
)
def test_diff_takes_any_path(path: str) -> None:
    old, new = one(replace(PLAIN, status=200), f"GET {path}"), one(replace(PLAIN, status=201), f"GET {path}")
    assert [("GET", path, "response-status-changed")] == [
        (each.method, each.path, each.rule) for each in diff_apis(old, new)
    ]


def test_diff_points_into_the_message_a_change_is_felt_in() -> None:
    old = Endpoint(
        handler="h", query=obj(limit_=Integer(le=100)), headers=obj(x_tenant_=String(max_length=9)),
        params=obj(id_=String(min_length=1)), body=Ref(name="Order"), response=Ref(name="Order"),
        responses={"404": obj(title_=String(max_length=5))},
    )  # fmt: skip
    new = Endpoint(
        handler="h", query=obj(limit_=Integer(le=50)), headers=obj(x_tenant_=String(max_length=8)),
        params=obj(id_=String(min_length=2)), body=Ref(name="Order"), response=Ref(name="Order"),
        responses={"404": obj(title_=String(max_length=6))},
    )  # fmt: skip
    line = obj(sku=String(), quantity_=Integer(ge=2))
    findings = diff_apis(one(old, "PUT /o/{id}"), one(new, "PUT /o/{id}", {"Line": line, "Order": ORDER}))
    assert [
        ("breaking", "request-min-length-raised", "/path/id"),
        ("breaking", "request-maximum-lowered", "/query/limit"),
        ("breaking", "request-max-length-lowered", "/headers/x-tenant"),
        ("breaking", "request-minimum-raised", "/body/lines/*/quantity"),
        ("compatible", "response-minimum-raised", "/body/lines/*/quantity"),
        ("breaking", "response-max-length-raised", "/responses/404/body/title"),
    ] == brief(findings)  # fmt: skip
    assert ["", "", "", "Line", "Line", ""] == [each.type for each in findings]


def test_diff_tells_an_edit_of_a_shared_type_at_each_endpoint_that_reaches_it() -> None:
    endpoints = {
        "GET /orders": replace(PLAIN, response=Array(items=Ref(name="Order"))),
        "POST /orders": replace(PLAIN, body=Ref(name="Order"), body_media=("application/json",)),
        "GET /health": replace(PLAIN, response=String()),
    }
    narrowed = obj(sku=String(max_length=5), quantity_=Integer(ge=1))
    findings = diff_apis(
        Api(types=TYPES, endpoints=endpoints), Api(types={**TYPES, "Line": narrowed}, endpoints=endpoints)
    )
    assert [
        ("GET", "compatible", "response-max-length-set", "/body/*/lines/*/sku"),
        ("POST", "breaking", "request-max-length-set", "/body/lines/*/sku"),
    ] == [(each.method, each.level, each.rule, each.pointer) for each in findings]


def test_diff_finds_an_edit_many_types_away() -> None:
    def types(limit: int) -> dict[str, Node]:
        chain = {f"T{number}": obj(x=Ref(name=f"T{number + 1}")) for number in range(9)}
        return {**chain, "T9": Integer(le=limit)}

    endpoint = replace(PLAIN, response=Ref(name="T0"))
    findings = diff_apis(one(endpoint, types=types(1)), one(endpoint, types=types(2)))
    assert [("breaking", "response-maximum-raised", "/body" + "/x" * 9)] == brief(findings)


def test_diff_when_types_only_have_other_names_is_empty() -> None:
    renamed: dict[str, Node] = {"Item": LINE, "Purchase": obj(id=String(), lines=Array(items=Ref(name="Item")))}
    old, new = (replace(PLAIN, response=Ref(name=name)) for name in ("Order", "Purchase"))
    assert () == diff_apis(one(old), one(new, types=renamed))


def test_diff_when_types_refer_to_each_other_in_circles_ends() -> None:
    def types(limit: int) -> dict[str, Node]:
        tree = obj(b=Ref(name="B"), name=String(max_length=limit))
        return {"A": tree, "B": obj(a_=Ref(name="A"))}

    endpoint = replace(PLAIN, response=Ref(name="B"))
    findings = diff_apis(one(endpoint, types=types(5)), one(endpoint, types=types(9)))
    assert [("breaking", "response-max-length-raised", "/body/a/name")] == brief(findings)


def test_diff_when_a_constant_became_another_that_python_calls_equal_says_so() -> None:
    old, new = (
        replace(PLAIN, query=obj(v_=Literal(values=(1,)))),
        replace(PLAIN, query=obj(v_=Literal(values=(True,)))),
    )
    assert [("breaking", "request-constant-changed", "/query/v")] == compare(old, new)


def test_diff_compares_the_names_of_headers_as_http_does() -> None:
    old = replace(PLAIN, headers=obj(**{"X-Tenant": String()}))
    new = replace(PLAIN, headers=obj(x_tenant=String()))
    assert [] == compare(old, new)


def test_diff_when_a_query_appears_or_goes_compares_it_with_no_query() -> None:
    with_query = replace(PLAIN, query=obj(q_=String()))
    assert [("compatible", "request-optional-property-added", "/query/q")] == compare(PLAIN, with_query)
    assert [("risky", "request-optional-property-removed", "/query/q")] == compare(with_query, PLAIN)


def test_diff_when_a_parameter_is_said_to_be_renamed_reports_that_alone_and_what_else_changed() -> None:
    old = replace(PLAIN, query=obj(state_=Integer(le=9)), headers=obj(x_a_=String()))
    new = replace(PLAIN, query=obj(status_=Integer(le=8)), headers=obj(x_b_=String()))
    renames = {("POST /orders", "state"): "status", ("POST /orders", "x_a"): "x_b"}
    assert [
        ("breaking", "request-parameter-renamed", "/query/state"),
        ("breaking", "request-maximum-lowered", "/query/state"),
        ("breaking", "request-parameter-renamed", "/headers/x-a"),
    ] == brief(diff_apis(one(old), one(new), renames=renames))  # fmt: skip


def test_diff_when_a_member_is_said_to_be_renamed_reports_one_change() -> None:
    renamed = obj(sku=String(), count_=Integer(ge=1))
    endpoint = replace(PLAIN, body=Ref(name="Order"), body_media=("application/json",))
    found = diff_apis(
        one(endpoint), one(endpoint, types={**TYPES, "Line": renamed}), renames={("Line", "quantity"): "count"}
    )
    assert [("breaking", "request-property-renamed", "/body/lines/*/quantity")] == brief(found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"deprecated": False}, {"deprecated": True}, ("compatible", "endpoint-deprecated", "")),
        ({"deprecated": True}, {"deprecated": False}, ("compatible", "endpoint-undeprecated", "")),
        ({"status": 200}, {"status": 201}, ("breaking", "response-status-changed", "")),
        ({"responses": {}}, {"responses": {"202": None}}, ("risky", "response-success-status-added", "")),
        ({"responses": {"202": None}}, {"responses": {}}, ("risky", "response-success-status-removed", "")),
        ({"responses": {}}, {"responses": {"404": None}}, ("compatible", "response-error-status-added", "")),
        ({"responses": {"404": None}}, {"responses": {}}, ("compatible", "response-error-status-removed", "")),
        ({"response": String()}, {"response": None}, ("breaking", "response-body-removed", "/body")),
        ({"response": None}, {"response": String()}, ("compatible", "response-body-added", "/body")),
        ({"body": String(), "body_media": ("text/plain",)}, {}, ("risky", "request-body-removed", "/body")),
        ({}, {"body": String(), "body_media": ("text/plain",)}, ("breaking", "request-required-body-added", "/body")),
        (
            {}, {"body": Union(members=(String(), Null())), "body_media": ("text/plain",)},
            ("compatible", "request-optional-body-added", "/body"),
        ),
        ({"body_limit_bytes": 9}, {"body_limit_bytes": 8}, ("breaking", "request-body-limit-lowered", "/body")),
        ({"body_limit_bytes": 8}, {"body_limit_bytes": 9}, ("compatible", "request-body-limit-raised", "/body")),
        ({}, {"body_limit_bytes": 9}, ("risky", "request-body-limit-set", "/body")),
        ({"body_limit_bytes": 9}, {}, ("risky", "request-body-limit-dropped", "/body")),
        (
            {"body_media": ("application/json", "text/csv")}, {"body_media": ("application/json",)},
            ("breaking", "request-media-type-removed", "/body"),
        ),
        (
            {"body_media": ("application/json",)}, {"body_media": ("application/*",)},
            ("compatible", "request-media-type-added", "/body"),
        ),
        (
            {"response_media": "text/csv"}, {"response_media": "application/json"},
            ("breaking", "response-media-type-changed", "/body"),
        ),
        (
            {"response_media": "*/*"}, {"response_media": "application/json"},
            ("compatible", "response-media-type-narrowed", "/body"),
        ),
        (
            {"response_media": "text/csv"}, {"response_media": "text/*"},
            ("breaking", "response-media-type-widened", "/body"),
        ),
        (
            {"body": String(), "body_media": ("text/plain",), "body_optional": True},
            {"body": String(), "body_media": ("text/plain",)}, ("breaking", "request-body-became-required", "/body"),
        ),
        (
            {"body": MAYBE, "body_media": ("text/plain",), "body_optional": False},
            {"body": MAYBE, "body_media": ("text/plain",)}, ("compatible", "request-body-became-optional", "/body"),
        ),
        (
            {"body": MAYBE, "body_media": ("text/plain",)},
            {"body": String(), "body_media": ("text/plain",), "body_optional": True},
            ("breaking", "request-became-not-nullable", "/body"),
        ),
        (
            {"body": MAYBE, "body_media": ("text/plain",)}, {"body": String(), "body_media": ("text/plain",)},
            ("breaking", "request-became-not-nullable", "/body"),
        ),
        ({"rate_limits": SLOW}, {"rate_limits": FAST}, ("compatible", "request-rate-limit-relaxed", "")),
        ({"rate_limits": FAST}, {"rate_limits": SLOW}, ("breaking", "request-rate-limit-tightened", "")),
        ({}, {"rate_limits": SLOW}, ("breaking", "request-rate-limit-tightened", "")),
        ({"rate_limits": (*SLOW, *FAST)}, {"rate_limits": FAST}, ("compatible", "request-rate-limit-relaxed", "")),
        (
            {"rate_limits": SLOW}, {"rate_limits": ("10/60s per address",)},
            ("breaking", "request-rate-limit-tightened", ""),
        ),
        ({"rate_limits": SLOW}, {"rate_limits": ("599/3600s per client",)},
         ("breaking", "request-rate-limit-tightened", "")),
        ({"rate_limits": SLOW}, {"rate_limits": ("600/3600s per client",)},
         ("compatible", "request-rate-limit-relaxed", "")),
        ({"response": STR, "response_types": CSV}, {"response": STR},
         ("breaking", "response-media-type-removed", "/body")),
        ({"response": STR}, {"response": STR, "response_types": CSV},
         ("compatible", "response-media-type-added", "/body")),
        (
            {"response": STR, "response_types": CSV},
            {"response": STR, "response_types": {"200": {"text/csv": MAYBE}}},
            ("breaking", "response-became-nullable", "/body"),
        ),
        (
            {"response": STR, "response_types": CSV},
            {"response": STR, "response_media": "text/csv", "response_types": {"200": {"application/json": STR}}}, None,
        ),
        (
            {"responses": {"404": STR}, "response_types": {"404": {"text/csv": MAYBE}}},
            {"responses": {"404": STR}, "response_types": {"404": {"text/csv": STR}}},
            ("compatible", "response-became-not-nullable", "/responses/404/body"),
        ),
        (
            {"body": STR, "body_media": ("a/a", "b/b")},
            {"body": STR, "body_media": ("a/a", "b/b"), "body_types": {"b/b": Integer()}},
            ("breaking", "request-type-changed", "/body"),
        ),
        (
            {"body": MAYBE, "body_media": ("a/a", "b/b")}, {"body": STR, "body_media": ("a/a", "b/b")},
            ("breaking", "request-became-not-nullable", "/body"),
        ),
        (
            {"response_headers": {"200": obj(etag_=STR)}}, {},
            ("risky", "response-optional-property-removed", "/headers/etag"),
        ),
        (
            {"response_headers": {"200": obj(ETag_=Integer(le=3))}},
            {"response_headers": {"200": obj(etag_=Integer(le=4))}},
            ("breaking", "response-maximum-raised", "/headers/etag"),
        ),
        (
            {"responses": {"404": None}},
            {"responses": {"404": None}, "response_headers": {"404": obj(etag_=STR)}},
            ("compatible", "response-optional-property-added", "/responses/404/headers/etag"),
        ),
        ({"cookies": obj(sid_=Integer())}, {"cookies": obj(sid_=Integer(ge=1))},
         ("breaking", "request-minimum-set", "/cookies/sid")),
        (
            {"response_media": "text/plain"}, {"response": STR},
            ("breaking", "response-media-type-changed", "/body"),
        ),
        (
            {"response": STR}, {"response_media": "text/plain"},
            ("breaking", "response-media-type-changed", "/body"),
        ),
        (
            {"response_media": "text/plain"}, {"response_media": "application/octet-stream"},
            ("breaking", "response-media-type-changed", "/body"),
        ),
        ({"response_media": "*/*"}, {"response": STR}, ("compatible", "response-body-added", "/body")),
        ({"response": STR}, {"response_media": "*/*"}, ("breaking", "response-body-removed", "/body")),
        (
            {"response": String(format="email")}, {"response": String(format="ipv4")},
            ("risky", "response-format-changed", "/body"),
        ),
        ({}, {"security": (("principal",),)}, ("breaking", "request-security-tightened", "")),
        ({"security": (("role:clerk",),)}, {"security": (("principal",),)},
         ("compatible", "request-security-relaxed", "")),
        ({"security": (("principal",),)}, {"security": (("scope:write",),)},
         ("breaking", "request-security-tightened", "")),
        ({}, {"security": (("key",),)}, ("breaking", "request-security-tightened", "")),
        ({"security": (("key",),)}, {}, ("compatible", "request-security-relaxed", "")),
        ({"security": (("a",), ("b",))}, {"security": (("a",),)}, ("breaking", "request-security-tightened", "")),
        ({"security": (("a",),)}, {"security": (("a", "b"),)}, ("breaking", "request-security-tightened", "")),
        ({"security": (("a", "b"),)}, {"security": (("a",),)}, ("compatible", "request-security-relaxed", "")),
        ({"security": (("a",),)}, {"security": (("b",),)}, ("breaking", "request-security-tightened", "")),
        ({"security": (("a",),)}, {"security": (("a",), ())}, ("compatible", "request-security-relaxed", "")),
        ({}, {"security": (("nobody",),)}, ("breaking", "request-security-tightened", "")),
        ({"security": (("role:clerk",),)}, {"security": (("nobody",),)},
         ("breaking", "request-security-tightened", "")),
        ({"security": (("nobody",),)}, {"security": (("role:clerk",),)},
         ("compatible", "request-security-relaxed", "")),
        ({"security": (("nobody",),)}, {}, ("compatible", "request-security-relaxed", "")),
    ],
)  # fmt: skip
def test_diff_of_what_an_endpoint_says_of_itself(
    old: dict[str, object], new: dict[str, object], expected: tuple[str, str, str] | None
) -> None:
    assert ([] if expected is None else [expected]) == compare(replace(PLAIN, **old), replace(PLAIN, **new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"security": (("a", "b"), ("c",))}, {"security": (("c",), ("b", "a"))}),
        ({"security": ()}, {"security": ((), ("key",))}),
        ({"security": (("nobody",),)}, {"security": (("nobody",), ("nobody", "key"))}),
        ({"body_media": ("application/json",)}, {"body_media": ("Application/JSON; charset=utf-8",)}),
        ({"response_media": "application/json; charset=utf-8"}, {"response_media": "application/json"}),
        ({"status": 200, "responses": {"201": None}}, {"status": 201, "responses": {"200": None}}),
        ({"responses": {"4xx": None}}, {"responses": {"4XX": None}}),
    ],
)
def test_diff_of_what_is_only_written_otherwise_is_empty(old: dict[str, object], new: dict[str, object]) -> None:
    assert [] == compare(replace(PLAIN, **old), replace(PLAIN, **new))


@pytest.mark.parametrize(
    ("old", "new", "pointer"),
    [
        ({"default": String()}, {"404": Integer()}, "/responses/404/body"),
        ({"404": String()}, {"default": Integer()}, "/responses/404/body"),
        ({"4XX": String()}, {"404": Integer(), "4XX": String()}, "/responses/404/body"),
        ({"404": String(), "4XX": String()}, {"4XX": Integer(), "404": String()}, "/responses/4XX/body"),
    ],
)
def test_diff_compares_a_status_with_what_covered_it(old: dict[str, Node], new: dict[str, Node], pointer: str) -> None:
    assert [("breaking", "response-type-changed", pointer)] == compare(
        replace(PLAIN, responses=old), replace(PLAIN, responses=new)
    )


def test_diff_when_default_appears_does_not_compare_it_with_success() -> None:
    assert [("risky", "response-success-status-removed", "")] == compare(
        replace(PLAIN, responses={"202": String(), "default": Integer()}),
        replace(PLAIN, responses={"default": Integer()}),
    )


def test_diff_tells_another_id_only_to_generated_clients() -> None:
    old, new = one(replace(PLAIN, handler="getOrder")), one(replace(PLAIN, handler="readOrder"))
    assert () == diff_apis(old, new)
    assert [("risky", "endpoint-renamed", "")] == brief(diff_apis(old, new, profile="strict"))


def test_diff_takes_no_new_header_for_a_surprise_however_clients_read() -> None:
    old, new = one(PLAIN), one(replace(PLAIN, response_headers={"200": obj(etag_=STR)}))
    assert [("compatible", "response-optional-property-added", "/headers/etag")] == brief(
        diff_apis(old, new, profile="strict")
    )


def test_each_rule_has_an_opposite_that_breaks_nobody_or_a_waiver() -> None:
    for rule in ENDPOINT_RULES.values():
        opposite = ENDPOINT_RULES[rule.opposite]
        assert rule.direction == opposite.direction
        assert rule.meaning
        one_breaks = (rule.level == "breaking") != (opposite.level == "breaking")
        assert one_breaks != bool(rule.waiver), f"{rule.id}: a waiver says why both or neither break clients"
        assert opposite.opposite == rule.id or rule.id == "request-optional-body-added"


def test_every_rule_is_reached_by_these_tests() -> None:
    written = Path(__file__).read_text("utf-8")
    assert [] == [rule for rule in ENDPOINT_RULES if f'"{rule}"' not in written]


def large(edited: int = 0) -> Api:
    """Return an API of 1,000 endpoints over 3,000 types, in circles too; *edited* of the types are changed."""
    types: dict[str, Node] = {}
    for number in range(3000):
        fields = [Field(name=f"text{index}", node=String(max_length=100 + index)) for index in range(6)]
        targets = {number // 2, number // 3, number % 11, 2999 - number if number % 100 == 0 else 0}
        fields += [Field(name=f"to{target}", node=Ref(name=f"T{target}"), required=False) for target in sorted(targets)]
        limit = 8 if edited and number % (3000 // edited) == 1 else 9
        values = tuple((f"V{index}", f"v{index}") for index in range(20 if number % 50 else 2000))
        fields += [Field(name="kind", node=Enum(members=values)), Field(name="size", node=Integer(le=limit))]
        types[f"T{number}"] = Object(fields=tuple(fields))
    endpoints = {
        f"POST /things{number}/{{id}}": Endpoint(
            handler=f"h{number}", params=obj(id_=String()), query=obj(limit_=Integer(le=100)),
            body=Ref(name=f"T{number * 3}"), response=Ref(name=f"T{number * 3 + 1}"),
            responses={"404": Ref(name="T7"), "default": Ref(name="T8")},
        )
        for number in range(1000)
    }  # fmt: skip
    return Api(types=types, endpoints=endpoints)


def test_diff_of_two_large_apis_without_a_difference_takes_milliseconds() -> None:
    old, new = large(), large()
    begin = time.process_time()
    assert () == diff_apis(old, new)
    assert time.process_time() - begin < 4  # 0.03 s on the machine this was written on


def test_diff_of_two_large_apis_takes_seconds_where_every_endpoint_feels_many_changes() -> None:
    old, new = large(), large(edited=100)
    begin = time.process_time()
    findings = diff_apis(old, new)
    assert time.process_time() - begin < 120  # 5 s on the machine this was written on
    assert len(findings) >= 2000
    assert ("POST", "/things999/{id}") in {(each.method, each.path) for each in findings}
    assert {"request-maximum-lowered", "response-maximum-lowered"} == {each.rule for each in findings}


@pytest.mark.parametrize("way", ["body", "response"])
@pytest.mark.parametrize("back", [False, True])
def test_format_that_only_described_and_one_that_is_checked_are_told_apart_both_ways(way: str, back: bool) -> None:
    sides = [replace(PLAIN, **{way: node}) for node in (String(format="email"), DateTime(tz=True))]
    found = compare(*(reversed(sides) if back else sides))
    flow = "request" if way == "body" else "response"
    assert ("risky", f"{flow}-format-changed", "/body") in found


@pytest.mark.parametrize("node", [String(format="date-time"), STR])
def test_format_when_it_is_only_checked_since_is_told_by_the_type_alone(node: Node) -> None:
    found = compare(replace(PLAIN, response=node), replace(PLAIN, response=DateTime(tz=True)))
    assert ["response-type-narrowed"] == [rule for _, rule, _ in found]


@pytest.mark.parametrize("kinds", [(STR, STR), (Integer(), Integer()), (Integer(), STR)])
def test_path_parameter_when_renamed_with_a_move_is_renamed(kinds: tuple[Node, Node]) -> None:
    old, new = (
        replace(PLAIN, params=obj(**{name: node})) for name, node in zip(("id", "order_id"), kinds, strict=True)
    )
    found = brief(diff_apis(one(old, "DELETE /orders/{id}"), one(new, "POST /orders/{order_id}/cancel")))
    assert [("breaking", "endpoint-moved", ""), ("compatible", "path-parameter-renamed", "/path/id")] == found[:2]
    assert all(rule.startswith("request-type") for _, rule, _ in found[2:])
    assert (kinds[0] != kinds[1]) == bool(found[2:])


def test_path_parameters_when_two_of_a_moved_path_are_renamed_need_a_hint() -> None:
    old = replace(PLAIN, params=obj(a=STR, b=STR))
    new = replace(PLAIN, params=obj(c=STR, d=STR))
    apis = one(old, "GET /x/{a}/{b}"), one(new, "GET /y/{c}/{d}")
    assert ("breaking", "request-required-property-added", "/path/c") in brief(diff_apis(*apis))
    hints = {("GET /x/{a}/{b}", "a"): "c", ("GET /x/{a}/{b}", "b"): "d"}
    renamed = [("compatible", "path-parameter-renamed", f"/path/{name}") for name in "ab"]
    assert [("breaking", "endpoint-moved", ""), *renamed] == brief(diff_apis(*apis, renames=hints))
