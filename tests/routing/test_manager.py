"""From method, path and version to what serves them."""

import pytest

from perdure import App, Config, Request
from perdure.timescape.steering import Closed, Steering
from tests.calls import call, serving


def shop() -> App:
    app = App("t")
    app.get("/orders")(lambda: "all")
    app.post("/orders")(lambda: "new")
    app.get("/orders/latest")(lambda: "latest")
    app.get("/orders/{order_id:int}")(lambda req: f"number {req.params['order_id']}")
    app.delete("/orders/{name}")(lambda req: f"name {req.params['name']}")
    app.get("/files/{rest:path}")(lambda req: f"file {req.params['rest']}")
    return app


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/orders", "all"), ("POST", "/orders", "new"), ("GET", "/orders/latest", "latest"),
        ("GET", "/orders/7", "number 7"), ("DELETE", "/orders/latest", "name latest"),
        ("DELETE", "/orders/7", "name 7"), ("GET", "/files/a/b.txt", "file a/b.txt"),
    ],
)  # fmt: skip
def test_a_path_is_served_by_its_most_special_template_that_has_the_method(method: str, path: str, answer: str) -> None:
    assert answer == call(shop(), method, path).text


@pytest.mark.parametrize("path", ["/", "/order", "/orders/x/y", "/orders/", "/ORDERS", "/orders/-0"])
def test_a_path_nothing_serves_is_a_404(path: str) -> None:
    app = App("t")
    app.get("/orders")(lambda: "all")
    app.get("/orders/{order_id:int}")(lambda: "one")
    response = call(app, "GET", path)
    assert (404, "Not Found") == (response.status_code, response.json()["title"])
    assert response.json()["instance"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/orders", "GET, HEAD, OPTIONS, POST"), ("PATCH", "/orders/7", "DELETE, GET, HEAD, OPTIONS"),
        ("GET", "/orders/abc", "DELETE, OPTIONS"), ("POST", "/files/a", "GET, HEAD, OPTIONS"),
        ("PROPFIND", "/orders", "GET, HEAD, OPTIONS, POST"),
    ],
)  # fmt: skip
def test_a_method_nothing_serves_is_a_405_that_lists_what_is(method: str, path: str, allowed: str) -> None:
    response = call(shop(), method, path)
    assert (405, allowed) == (response.status_code, response.headers["allow"])
    assert allowed.split(", ") == response.json()["allowed"]


def test_options_lists_the_methods_unless_a_handler_serves_it() -> None:
    app = shop()
    app.options("/files/{rest:path}")(lambda: "mine")
    listed = call(app, "OPTIONS", "/orders")
    assert (204, "GET, HEAD, OPTIONS, POST", b"") == (listed.status_code, listed.headers["allow"], listed.content)
    assert "mine" == call(app, "OPTIONS", "/files/a").text
    assert 404 == call(app, "OPTIONS", "/nowhere").status_code


def test_head_is_served_by_get_unless_a_handler_serves_it() -> None:
    app = App("t")
    seen: list[str] = []

    @app.get("/get")
    async def get(req: Request) -> str:
        seen.append(req.method)
        return "body"

    app.get("/both")(lambda: "long body")
    app.head("/both")(lambda: "x")
    app.post("/post")(lambda: "x")
    by_get = call(app, "HEAD", "/get")
    assert (200, b"", "4") == (by_get.status_code, by_get.content, by_get.headers["content-length"])
    assert ["HEAD"] == seen
    assert "1" == call(app, "HEAD", "/both").headers["content-length"]
    assert 405 == call(app, "HEAD", "/post").status_code


@pytest.mark.parametrize("path", ["/a/../b", "/a/./b", "//a", "/a//b", "/a%00b", "/a%0Ab"])
def test_a_path_no_client_has_a_reason_to_send_is_no_500(path: str) -> None:
    app = App("t")
    app.get("/{rest:path}")(lambda req: req.params["rest"])
    assert call(app, "GET", path).status_code in {200, 400, 404}
    assert ".." not in call(app, "GET", path).text.split("/")


def test_a_route_of_the_programs_own_goes_before_a_health_check() -> None:
    app = App("t")
    assert {"status": "ok"} == call(app, "GET", "/healthz").json()
    assert {"status": "ready"} == call(app, "GET", "/readyz").json()
    own = App("t")
    own.get("/healthz")(lambda: "mine")
    assert "mine" == call(own, "GET", "/healthz").text


async def test_health_checks_answer_whatever_version_is_closed_or_asked_for() -> None:
    app = App("t", config=Config(default_version="v1.0.0"))
    app.get("/x", version="v1.0.0", id="x")(lambda: "old")
    app.get("/x", version="v2.0.0", id="x")(lambda: "new")
    closed = Closed(reason="it is switched off", successor="v2.0.0")
    await app.start()
    app._compiled().catalogue.timescape.steer(Steering(closed={0: closed}))
    async with serving(app) as client:
        assert 410 == (await client.get("/x")).status_code
        for path, version in (("/healthz", None), ("/readyz", None), ("/healthz", "v1.0.0"), ("/healthz", "nonsense")):
            answer = await client.get(path, headers={} if version is None else {"API-Version": version})
            assert 200 == answer.status_code, (path, version)
        assert 410 == (await client.get("/nowhere")).status_code
    await app.stop()


async def test_answers_without_a_handler_name_the_version_of_this_client() -> None:
    app = App("t")
    app.get("/x", version="v1.0.0", id="x")(lambda: "old")
    app.get("/x", version="v2.0.0", id="x")(lambda: "new")
    await app.start()
    app._compiled().catalogue.timescape.steer(Steering(choose=lambda _: 0, splits={"beta": lambda _: 0}))
    async with serving(app) as client:
        for headers in ({}, {"API-Version": "beta"}):
            for method, path in (("GET", "/x"), ("GET", "/no"), ("PUT", "/x"), ("OPTIONS", "/x"), ("GET", "/healthz")):
                answer = await client.request(method, path, headers=headers)
                assert "v1.0.0" == answer.headers["api-version"], (method, path)
        assert "v1.0.0" == (await client.get("/openapi.json")).json()["info"]["version"]
    await app.stop()


# --- versions without revision files -------------------------------------------------------------------------------


def versioned(**config: str) -> App:
    app = App("t", config=Config(**config))  # type: ignore[arg-type]
    app.get("/orders", version="2024-01-01", id="orders")(lambda lctx: f"old {lctx.meta.version}")
    app.get("/orders", version="2026-02-10", id="orders")(lambda lctx: f"new {lctx.meta.version}")
    app.get("/always")(lambda lctx: f"always {lctx.meta.version}")
    return app


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (None, "new 2026-02-10"), ("2024-01-01", "old 2024-01-01"), ("2025-12-31", "old 2024-01-01"),
        ("2026-02-10", "new 2026-02-10"), ("2026-02-09T23:59:59Z", "old 2024-01-01"),
        ("2030-01-01", "new 2026-02-10"), ("latest", "new 2026-02-10"), ("stable", "new 2026-02-10"),
        ("tsv:1704067200-orders-000", "old 2024-01-01"), ("tsv:1770681600-orders-000", "new 2026-02-10"),
    ],
)  # fmt: skip
def test_two_handlers_with_explicit_versions_run_side_by_side(asked: str | None, answer: str) -> None:
    headers = {"api-version": asked} if asked else {}
    response = call(versioned(), "GET", "/orders", headers=headers)
    assert (200, answer) == (response.status_code, response.text)
    assert answer.split()[1] == response.headers["api-version"]


@pytest.mark.parametrize("asked", ["2024-01-01", "2026-02-10"])
def test_a_handler_without_a_version_serves_all(asked: str) -> None:
    response = call(versioned(), "GET", "/always", headers={"api-version": asked})
    assert f"always {asked}" == response.text


@pytest.mark.parametrize(
    "asked", ["2023-12-31", "yesterday", "", "v9", "tsv:1-orders-000", "tsv:1704067200-another-000", "2024-13-01",
              "x" * 500]
)  # fmt: skip
def test_an_unknown_version_is_a_400_that_lists_what_exists(asked: str) -> None:
    response = call(versioned(), "GET", "/orders", headers={"api-version": asked.encode()})
    assert (400, "urn:perdure:problem:unknown-version") == (response.status_code, response.json()["type"])
    assert {"2024-01-01", "2026-02-10", "latest", "stable"} <= set(response.json()["known"])
    assert "2026-02-10" == response.headers["api-version"]


def test_the_header_goes_before_the_query_which_can_be_turned_off() -> None:
    app = versioned()
    assert "old 2024-01-01" == call(app, "GET", "/orders?version=2024-01-01").text
    both = call(app, "GET", "/orders?version=2024-01-01", headers={"api-version": "2026-02-10"})
    assert "new 2026-02-10" == both.text
    assert 400 == call(app, "GET", "/orders?version=nonsense").status_code
    without = App("t", config=Config(version_query=None))
    without.get("/")(lambda req: req.query["version"])
    assert "nonsense" == call(without, "GET", "/?version=nonsense").text


def test_the_default_and_the_tags_are_configured() -> None:
    app = versioned(default_version="2024-06-01")
    assert "old 2024-01-01" == call(app, "GET", "/orders").text
    tagged = App("t", config=Config(tags={"partners": "2024-01-01"}, version_header="X-Shop-Version"))
    tagged.get("/", version="2024-01-01")(lambda: "old")
    tagged.get("/", version="2026-02-10")(lambda: "new")
    response = call(tagged, "GET", "/", headers={"x-shop-version": "partners"})
    assert ("old", "2024-01-01") == (response.text, response.headers["x-shop-version"])


def test_labels_are_versions_where_there_are_no_revisions() -> None:
    app = App("t")
    app.get("/", version="v1.0.0")(lambda: "one")
    app.get("/", version="v2.1.0")(lambda: "two")
    asked = {"v1": "one", "v2.x": "two", "^2": "two", "1.0.0": "one", "*": "two"}
    assert asked == {text: call(app, "GET", "/", headers={"api-version": text}).text for text in asked}


def test_an_endpoint_that_did_not_exist_then_is_a_404() -> None:
    app = App("t")
    app.get("/old", version="2024-01-01")(lambda: "old")
    app.get("/new", version="2026-02-10")(lambda: "new")
    assert 404 == call(app, "GET", "/new", headers={"api-version": "2024-01-01"}).status_code
    assert "new" == call(app, "GET", "/new").text
    assert "old" == call(app, "GET", "/old").text
