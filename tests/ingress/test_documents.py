"""The documents of an app, over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from perdure import Config
from perdure.errors import ConfigError
from perdure.openapi.reading import read_openapi
from tests.ingress.conftest import Server
from tests.ingress.wire import request

PAGE = "default-src 'none'; script-src 'self'"


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def documented(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(request.param, "documented:app", tmp_path_factory.mktemp("documented"))
    yield server
    server.stop()


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(request.param, "documented:other", tmp_path_factory.mktemp("other"))
    yield server
    server.stop()


def document(server: Server, target: str, *fields: str) -> Any:
    answer = server.get(target, *fields)
    assert (200, "application/json") == (answer.status, answer.header("content-type"))
    OpenAPIV31SpecValidator(answer.json()).validate()
    return answer.json()


def test_document_is_the_one_of_the_version_asked_for(documented: Server) -> None:
    newest, oldest = document(documented, "/openapi.json"), document(documented, "/openapi.json?v=v1")
    assert ("documented", "v2.0.0") == (newest["info"]["title"], newest["info"]["version"])
    assert oldest["info"]["version"] == "v1.0.0"
    assert document(documented, "/openapi.json", "X-Version: v1.0.0") == oldest
    made, made_old = (found["paths"]["/items"]["post"] for found in (newest, oldest))
    assert ("Make a thing.", "It is made at once.", True) == tuple(
        made[key] for key in ("summary", "description", "deprecated")
    )
    assert ("Make a thing, the old way.", ["items"]) == (made_old["summary"], made_old["tags"])
    assert ["201", "200"] == [next(iter(each["responses"])) for each in (made, made_old)]
    assert {"Item", "Problem"} == newest["components"]["schemas"].keys()
    assert {"Old", "Item", "Problem"} == oldest["components"]["schemas"].keys()
    assert ["items.make", "items.make"] == [made["operationId"], made_old["operationId"]]
    assert newest["components"]["parameters"]["Version"]["name"] == "X-Version"
    assert read_openapi(newest).endpoints.keys() == {"POST /items", "GET /items/{number}"}


def test_unknown_version_is_the_same_problem_as_everywhere(documented: Server) -> None:
    answer, elsewhere = documented.get("/openapi.json?v=v9"), documented.get("/items/1?v=v9")
    assert answer.comparable() == elsewhere.comparable()
    assert (400, "urn:perdure:problem:unknown-version") == (answer.status, answer.json()["type"])


def test_document_is_sent_once_to_whom_keeps_it(documented: Server) -> None:
    first = documented.get("/openapi.json")
    etag = first.header("etag")
    assert ("no-cache", "X-Version", "v2.0.0") == tuple(map(first.header, ("cache-control", "vary", "x-version")))
    for given in (etag, f'"other", W/{etag}', "*"):
        again = documented.get("/openapi.json", f"If-None-Match: {given}")
        assert (304, b"", etag) == (again.status, again.body, again.header("etag"))
    assert documented.get("/openapi.json?v=v1", f"If-None-Match: {etag}").status == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/docs.js", "/docs/swagger-ui/swagger-ui-bundle.js"])
def test_documents_are_only_read(documented: Server, path: str) -> None:
    got = documented.get(path)
    assert got.status == 200
    headed = documented.ask(request("HEAD", path))
    assert (200, got.header("content-length")) == (headed.status, headed.header("content-length"))
    options = documented.ask(request("OPTIONS", path))
    assert (204, "GET, HEAD, OPTIONS") == (options.status, options.header("allow"))
    posted = documented.post(path, b"")
    assert (405, "GET, HEAD, OPTIONS") == (posted.status, posted.header("allow"))
    assert "application/problem+json" == posted.header("content-type")


def test_page_names_all_versions_newest_first_and_what_it_needs(documented: Server) -> None:
    answer = documented.get("/docs?v=v1.0.0")
    page = answer.body.decode()
    assert (200, "text/html; charset=utf-8") == (answer.status, answer.header("content-type"))
    assert page.index(">v2.0.0 (latest, stable)<") < page.index(">v1.0.0<")
    assert '<option value="v1.0.0" data-link="v1.0.0" selected>' in page
    assert 'data-openapi="openapi.json" data-path="/openapi.json" data-header="X-Version" data-query="v"' in page
    policy = answer.header("content-security-policy")
    assert policy is not None
    assert policy.startswith(PAGE)
    assert "<script>" not in page
    for asset in ("docs.js", "docs.css", "swagger-ui/swagger-ui.css", "swagger-ui/swagger-ui-bundle.js"):
        assert f'"docs/{asset}"' in page
        assert documented.get(f"/docs/{asset}").header("x-content-type-options") == "nosniff"


@pytest.mark.parametrize(
    "path", ["/docs/", "/docs/x", "/docsx", "/docs/docs.html", "/docs/__init__.py", "/docs/../app.py"]
)
def test_nothing_else_is_served_below_the_page(documented: Server, path: str) -> None:
    assert documented.get(path).status in {400, 404}


def test_page_is_there_for_a_version_that_is_not(documented: Server) -> None:
    answer = documented.get("/docs?v=v9")
    assert answer.status == 200
    assert '<p class="notice" role="status">no version answers to &#x27;v9&#x27;</p>' in answer.body.decode()
    assert documented.get("/docs/docs.js?v=v9").status == 200


def test_paths_are_configured_and_routes_of_the_app_go_first(other: Server) -> None:
    assert b"mine" == other.get("/openapi.json").body
    assert 404 == other.get("/docs").status
    described = document(other, "/internal/api.json")
    assert "/openapi.json" in described["paths"]
    page = other.get("/internal/help").body.decode()
    assert 'data-openapi="api.json"' in page
    assert '<script src="help/docs.js">' in page
    assert '<select id="version" hidden>' in page
    assert b"mine" == other.get("/internal/help/docs.js").body
    assert 400 == other.get("/internal/help/docs.js?version=v9").status
    assert 200 == other.get("/internal/help/docs.css?version=v9").status


@pytest.mark.parametrize(("name", "found"), [("silent", {}), ("pageless", {"/openapi.json": 200})])
def test_documents_can_be_turned_off(
    tmp_path_factory: pytest.TempPathFactory, name: str, found: dict[str, int]
) -> None:
    server = Server("uvicorn", f"documented:{name}", tmp_path_factory.mktemp(name))
    try:
        for path in ("/openapi.json", "/docs", "/docs/docs.js"):
            assert found.get(path, 404) == server.get(path).status
    finally:
        server.stop()


@pytest.mark.parametrize("path", ["docs", "/docs/", "/", "", "/a b", "/{docs}", "/..", "/a//b", 1])
def test_path_that_cannot_be_one_is_refused(path: Any) -> None:
    with pytest.raises(ConfigError, match="docs_path must be"):
        Config(docs_path=path)
