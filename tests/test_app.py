"""An app's own life: registration, start, stop."""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure import App, Config, GlobalContext
from perdure.context.exchange import Exchange
from perdure.errors import ConfigError, DefinitionError, RevisionError, SignatureError
from perdure.ingress.documents import Documents
from perdure.timescape.steering import Steering
from tests.calls import call, run, serving


async def live(app: App, *steps: str) -> list[dict[str, Any]]:
    """Take *app* through the *steps* of ASGI's lifespan and return what it answers."""
    incoming = iter({"type": f"lifespan.{step}"} for step in steps)
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: Any) -> None:
        answers.append(dict(message))

    await app({"type": "lifespan"}, receive, send)
    return answers


def test_what_starts_first_stops_last() -> None:
    ran: list[str] = []

    @asynccontextmanager
    async def lifespan(gctx: GlobalContext[Any]) -> AsyncIterator[None]:
        ran.append("enter")
        yield
        ran.append("leave")

    app = App("t", lifespan=lifespan)

    @app.startup
    def first(gctx: GlobalContext) -> None:
        ran.append(f"start first {gctx.config.worker_threads}")

    @app.startup
    async def second() -> None:
        ran.append("start second")

    @app.shutdown
    async def third(gctx: GlobalContext) -> None:
        ran.append("stop first registered")

    @app.shutdown
    def fourth() -> None:
        ran.append("stop last registered")

    answers = run(live(app, "startup", "shutdown"))
    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == [answer["type"] for answer in answers]
    assert [
        "enter", "start first 16", "start second", "stop last registered", "stop first registered", "leave"
    ] == ran  # fmt: skip


def test_a_start_that_fails_leaves_what_was_entered_and_tells_the_server(caplog: pytest.LogCaptureFixture) -> None:
    ran: list[str] = []

    @asynccontextmanager
    async def lifespan(gctx: GlobalContext[Any]) -> AsyncIterator[None]:
        ran.append("enter")
        try:
            yield
        finally:
            ran.append("leave")

    app = App("t", lifespan=lifespan)

    @app.startup
    async def fail() -> None:
        raise ConnectionError("no database")

    @app.startup
    async def never() -> None:
        ran.append("never")

    (answer,) = run(live(app, "startup"))
    assert ("lifespan.startup.failed", "ConnectionError: no database") == (answer["type"], answer["message"])
    assert ["enter", "leave"] == ran


def test_a_start_up_function_that_yields_is_refused() -> None:
    app = App("t")

    async def open_and_close() -> AsyncIterator[None]:
        yield

    for register in (app.startup, app.shutdown):
        with pytest.raises(SignatureError, match=r"open_and_close.*lifespan"):
            register(open_and_close)


def test_a_stop_that_fails_still_stops_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    ran: list[str] = []
    app = App("t")

    @app.shutdown
    def registered_first() -> None:
        ran.append("stopped")

    @app.shutdown
    def fail() -> None:
        raise OSError("cannot flush")

    answers = run(live(app, "startup", "shutdown"))
    assert "lifespan.shutdown.failed" == answers[-1]["type"]
    assert ["stopped"] == ran


def test_an_app_starts_itself_once_where_the_server_does_not_say_so() -> None:
    ran: list[str] = []
    app = App("t")

    @app.startup
    async def start() -> None:
        await asyncio.sleep(0)
        ran.append("start")

    app.get("/")(lambda: len(ran))

    async def send() -> list[Any]:
        async with serving(app) as client:
            return [response.json() for response in await asyncio.gather(*(client.get("/") for _ in range(5)))]

    assert [1] * 5 == run(send())


def test_an_app_that_was_stopped_is_not_ready_and_can_be_started_again() -> None:
    ran: list[str] = []
    app = App("t")
    app.startup(lambda: ran.append("start"))

    async def scenario() -> list[int]:
        async with serving(app) as client:
            await client.get("/readyz")
            await app.stop()
            return [(await client.get("/readyz")).status_code]

    assert [200] == run(scenario())
    assert ["start", "start"] == ran


@pytest.mark.parametrize(
    "register",
    [
        lambda app: app.before(lambda: None), lambda app: app.after(lambda: None), lambda app: app.catch(lambda: None),
        lambda app: app.module("late", object()), lambda app: app.get("/late")(lambda: None),
        lambda app: app.startup(lambda: None), lambda app: app.shutdown(lambda: None),
        lambda app: app.before(timeout_s=1)(lambda: None), lambda app: app.mount(perdure.Router()),
        lambda app: app.websocket("/late")(_socket),
    ],
)  # fmt: skip
def test_nothing_is_registered_once_an_app_is_compiled(register: Callable[[App], object]) -> None:
    app = App("t")
    app.compile()
    with pytest.raises(DefinitionError, match="compiled already"):
        register(app)


async def _socket() -> None: ...


def test_a_mounted_router_takes_no_routes_either_once_its_app_is_compiled() -> None:
    app, outer, inner = App("t"), perdure.Router(), perdure.Router()
    outer.mount(inner)
    app.mount(outer)
    app.compile()
    with pytest.raises(DefinitionError, match="compiled already"):
        inner.get("/late")(lambda: None)


def test_compiling_twice_changes_nothing() -> None:
    app = App("t")
    app.get("/")(lambda: "ok")
    app.compile()
    app.compile()
    assert "ok" == call(app, "GET", "/").text


@pytest.mark.parametrize("register", ["startup", "shutdown"])
def test_a_start_or_stop_function_takes_the_global_context_or_nothing(register: str) -> None:
    with pytest.raises(SignatureError, match="parameter 'app' is none of: gctx"):
        getattr(App("t"), register)(lambda app: None)


def test_a_hook_decorator_with_options_returns_the_function() -> None:
    app = App("t")

    async def hook() -> None: ...

    assert hook is app.before(hook)
    assert hook is app.after(timeout_s=1, retries=2)(hook)
    with pytest.raises(ConfigError):
        app.catch(timeout_s=0)(hook)


def test_a_folder_of_revisions_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(RevisionError, match="there is no folder"):
        App("t", revisions=tmp_path / "nowhere")
    App("t")
    App("t", revisions=tmp_path).compile()


def test_revisions_lie_beside_the_file_that_makes_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "revisions").mkdir()
    (tmp_path / "revisions" / "r0.py").write_text('from perdure import Revision\nrevision = Revision("2024-01-01")\n')
    (tmp_path / "revisions" / "r0.json").write_text('{"revision": "r0"}')
    (tmp_path / "made_here.py").write_text("from perdure import App\napp = App('t')\napp.get('/')(lambda: 'ok')\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("made_here")
    monkeypatch.delitem(sys.modules, "made_here")
    assert "2024-01-01" == call(module.app, "GET", "/").headers["api-version"]


def test_a_default_version_that_does_not_exist_is_refused() -> None:
    app = App("t", config=Config(default_version="v9"))
    with pytest.raises(ConfigError, match="v9"):
        app.compile()


def test_a_tag_that_could_be_mistaken_for_a_version_is_refused() -> None:
    for tags in ({"v1": "latest"}, {"latest": "latest"}, {"2024-01-01": "latest"}, {"a b": "latest"}, {"a": "v9"}):
        with pytest.raises(ConfigError):
            App("t", config=Config(tags=tags)).compile()


def test_inbound_request_ids_are_taken_over_only_where_they_are_trusted() -> None:
    for trusted in (False, True):
        app = App("t", config=Config(trust_request_id=trusted))
        app.get("/")(lambda: "ok")
        given = call(app, "GET", "/", headers={"x-request-id": "client-1"}).headers["x-request-id"]
        assert trusted == (given == "client-1")
        bad = call(app, "GET", "/", headers={"x-request-id": "a" * 200}).headers["x-request-id"]
        assert 26 == len(bad)


def test_too_many_or_too_large_headers_are_a_431() -> None:
    app = App("t", config=Config(header_limit_count=10, header_limit_bytes=500))
    app.get("/")(lambda: "ok")
    assert 200 == call(app, "GET", "/").status_code
    assert 431 == call(app, "GET", "/", headers=[(f"x-{n}", "1") for n in range(11)]).status_code
    assert 431 == call(app, "GET", "/", headers={"x-long": "a" * 501}).status_code


def test_two_apps_in_one_process_share_nothing() -> None:
    one, two = App("one"), App("two")
    one.get("/")(lambda: "one")
    two.get("/")(lambda: "two")
    one.before(lambda: None)
    assert ("one", "two") == (call(one, "GET", "/").text, call(two, "GET", "/").text)


def test_a_fault_while_a_version_is_chosen_is_a_problem_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")

    @app.get("/")
    async def handle() -> str:
        return "never"

    def fail(_: Exchange) -> int:
        raise ZeroDivisionError("nobody expected this")

    app.timescape().steer(Steering(choose=fail))
    answer = call(app, "GET", "/")
    assert (500, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert answer.headers["x-request-id"] == answer.json()["instance"]
    assert "nobody expected" not in answer.text
    assert "nobody expected this" in caplog.text


def test_a_fault_while_an_answer_is_refused_is_a_problem_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody expected this")

    monkeypatch.setattr(Documents, "answer", fail)
    answer = call(App("t"), "GET", "/nowhere")
    assert (500, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert "nobody expected this" in caplog.text
