"""A whole request, all but the server: through the RSGI adapter, with a scope and a protocol that do nothing."""

from types import SimpleNamespace

import perdure_unaudited_app
from harness.scenarios import SCENARIOS, Kind

from micro_cases.timing import Call


class _Headers(dict[str, str]):
    def get_all(self, name: str) -> list[str]:
        return [self[name]] if name in self else []


class _Protocol:
    def __init__(self, body: bytes, expected: int) -> None:
        self._body = body
        self._expected = expected

    async def __call__(self) -> bytes:
        return self._body

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        if status != self._expected:
            raise AssertionError(f"answered {status} instead of {self._expected}: {body!r}")


def _request(kind: Kind) -> Call:
    scenario = SCENARIOS[kind]
    headers = _Headers(scenario.all_headers(), host="127.0.0.1")
    if scenario.body:
        headers["content-length"] = str(len(scenario.body))
    scope = SimpleNamespace(
        proto="http", method=scenario.method, path=scenario.path, query_string="", headers=headers, scheme="http",
        http_version="1.1", client="127.0.0.1:51044", authority=None,
    )  # fmt: skip
    serve = perdure_unaudited_app.app.__rsgi__
    protocol = _Protocol(scenario.body, scenario.status)

    async def ask() -> None:
        await serve(scope, protocol)

    return ask


def get() -> Call:
    """Serve ``GET /users/42``."""
    return _request("get")


def post() -> Call:
    """Serve ``POST /orders``."""
    return _request("post")


def post_oldest() -> Call:
    """Serve ``POST /orders`` to a client of the oldest version."""
    return _request("post_oldest")
