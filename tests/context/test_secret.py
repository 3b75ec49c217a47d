"""Every way a `Secret` could show itself, one by one."""

import copy
import dataclasses
import gc
import inspect
import io
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel
from rich.console import Console
from rich.traceback import Traceback

from perdure import App, LocalContext
from perdure.context.secret import Secret
from tests.calls import call

VALUE = "hunter2-é-'\"\\"


def secret() -> Secret:
    return Secret(VALUE)


def shows(text: object) -> bool:
    return "hunter2" in str(text)


@dataclasses.dataclass
class Account:
    password: Secret


class Row(msgspec.Struct):
    password: Secret


class Model(BaseModel):
    password: Secret


TEXTS: dict[str, Callable[[Secret], object]] = {
    "repr": repr, "str": str, "ascii": ascii, "f-string": lambda it: f"{it}", "f-string !r": lambda it: f"{it!r}",
    "width": lambda it: f"{it:>40}", "precision": lambda it: f"{it:.9}", "number": lambda it: f"{it:08.3f}",
    "format": lambda it: f"{it} {it!s}", "format_map": lambda it: "{it:d}".format_map({"it": it}),
    "percent s": lambda it: "%s %r %a" % (it, it, it),  # noqa: UP031
    "concatenated": lambda it: "dsn://" + str(it),
    "list": lambda it: str([it, {it.__class__: it}]), "pprint": lambda it: pprint.pformat({"a": [it]}),
    "dataclass": lambda it: repr(Account(it)), "asdict": lambda it: repr(dataclasses.asdict(Account(it))),
    "struct": lambda it: repr(Row(it)), "astuple": lambda it: repr(msgspec.structs.astuple(Row(it))),
    "model": lambda it: repr(Model(password=it)), "model dump": lambda it: repr(Model(password=it).model_dump()),
    "dir": dir, "members": lambda it: inspect.getmembers(it), "copy": lambda it: repr(copy.copy(it)),
    "deepcopy": lambda it: repr(copy.deepcopy([it])), "json default": lambda it: json.dumps(it, default=str),
    "msgspec default": lambda it: msgspec.json.encode(it, enc_hook=str), "exception": lambda it: repr(ValueError(it)),
    "attributes": lambda it: [getattr(it, name) for name in object.__dir__(it)],
}  # fmt: skip
REFUSED: dict[str, Callable[[Any], object]] = {
    "json": json.dumps, "msgspec json": msgspec.json.encode, "msgpack": msgspec.msgpack.encode,
    "yaml": msgspec.yaml.encode, "builtins": msgspec.to_builtins,
    "struct json": lambda it: msgspec.json.encode(Row(it)),
    "struct msgpack": lambda it: msgspec.msgpack.encode(Row(it)),
    "model json": lambda it: Model(password=it).model_dump_json(),
    "model json mode": lambda it: Model(password=it).model_dump(mode="json"),
    "pickle": pickle.dumps, "pickle 0": lambda it: pickle.dumps(it, 0), "old pickle": lambda it: it.__reduce__(),
    "struct pickle": lambda it: pickle.dumps(Row(it)), "vars": vars, "bytes": bytes, "len": len, "iter": list,
    "index": lambda it: it[0], "hash": hash, "percent d": lambda it: "%d" % it,  # noqa: UP031
    "join": lambda it: "".join([it]),
    "add": lambda it: "a" + it, "dict": lambda it: it.__dict__, "set": lambda it: setattr(it, "_held", None),
    "del": lambda it: delattr(it, "_held"), "state": lambda it: it.__setstate__({}),
}  # fmt: skip


@pytest.mark.parametrize("way", TEXTS)
def test_a_secret_as_text_is_masked(way: str) -> None:
    assert not shows(TEXTS[way](secret()))


@pytest.mark.parametrize("way", REFUSED)
def test_a_secret_is_refused_and_the_refusal_does_not_show_it(way: str) -> None:
    with pytest.raises(Exception) as raised:
        REFUSED[way](secret())
    assert not shows("".join(traceback.format_exception(raised.value)))
    assert isinstance(raised.value, TypeError | AttributeError | ValueError)


def test_the_value_is_had_by_reveal_alone() -> None:
    assert (VALUE, VALUE.encode()) == (secret().reveal(), secret().reveal_bytes())
    assert (VALUE, VALUE.encode()) == (Secret(VALUE.encode()).reveal(), Secret(VALUE.encode()).reveal_bytes())
    assert b"\xff\x00" == Secret(b"\xff\x00").reveal_bytes()
    assert b"\xff" == Secret("\udcff").reveal_bytes(), "as os.environ gives what is no UTF-8"


def test_bytes_that_are_no_text_are_refused_as_text_and_not_shown() -> None:
    with pytest.raises(ValueError, match="reveal_bytes") as raised:
        Secret(b"hunter2\xff").reveal()
    assert not isinstance(raised.value, UnicodeDecodeError)
    assert raised.value.__context__ is None


class Text(str):
    __slots__ = ()


class Bytes(bytes):
    pass


@pytest.mark.parametrize("value", [Text("hunter2"), Bytes(b"hunter2"), bytearray(b"hunter2"), 7, None, ["hunter2"]])
def test_what_is_no_plain_text_or_bytes_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="made of a str or bytes") as raised:
        Secret(value)
    frame = traceback.TracebackException.from_exception(raised.value, capture_locals=True).stack[-1]
    assert "hunter2" not in str(frame.locals)


def test_a_subclass_that_could_show_it_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be subclassed"):
        type("Loud", (Secret,), {})


def test_it_cannot_be_changed_or_made_anew() -> None:
    it = secret()
    Secret.__init__(it, "other")  # type: ignore[call-arg]
    assert VALUE == it.reveal()


def test_equality_is_of_values_and_never_with_plain_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") == Secret(b"a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_failing_comparison_does_not_show_it() -> None:
    with pytest.raises(AssertionError) as raised:
        assert secret() == Secret("other")
    assert not shows(raised.value)


def test_tracebacks_with_locals_do_not_show_it() -> None:
    def fail(password: Secret) -> None:
        config = {"nested": [password], "account": Account(password)}
        raise RuntimeError(f"cannot use {config}")

    try:
        fail(secret())
    except RuntimeError as error:
        plain = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        out = io.StringIO()
        Console(file=out, width=200).print(
            Traceback.from_exception(RuntimeError, error, error.__traceback__, show_locals=True)
        )
    assert "password = Secret(***)" in plain
    assert not shows(plain)
    assert "Secret(***)" in out.getvalue()
    assert not shows(out.getvalue())


def test_logging_does_not_show_it() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(message)s %(password)s %(nested)s"))
    logger = logging.Logger("t")  # noqa: LOG001 - nobody else shall find it
    logger.addHandler(handler)
    logger.warning("%s %r", secret(), [secret()], extra={"password": secret(), "nested": {"a": secret()}})
    logger.warning(secret(), extra={"password": "", "nested": ""})
    assert 5 == out.getvalue().count("Secret(***)")
    assert not shows(out.getvalue())


def test_a_walk_over_attributes_meets_no_value() -> None:
    seen: list[object] = []
    waiting: list[object] = [secret()]
    while waiting and len(seen) < 2000:
        each = waiting.pop()
        if any(each is other for other in seen) or isinstance(each, type):
            continue
        seen.append(each)
        assert not (isinstance(each, str | bytes) and shows(each))
        waiting += [getattr(each, name, None) for name in object.__dir__(each) if not name.startswith("__")]
    assert any(callable(each) for each in seen)


def test_the_garbage_collector_can_find_it_as_the_documentation_says() -> None:
    (held,) = [each for each in gc.get_referents(secret()) if callable(each) and not isinstance(each, type)]
    assert any(shows(cell.cell_contents) for cell in held.__closure__)


def test_in_the_state_of_a_request_it_is_kept_and_snapshots_do_not_show_it() -> None:
    app = App("t")
    taken: list[object] = []

    @app.get("/")
    async def handle(lctx: LocalContext) -> list[bool]:
        it = secret()
        lctx.set("password", it)
        lctx.set("nested", {"passwords": [it], "n": 1})
        snapshot = lctx.snapshot()
        taken.append(snapshot)
        lctx.clean()
        lctx.restore(snapshot)
        return [lctx.get("password") is it, lctx.get("nested")["passwords"][0] is it, lctx.get("nested")["n"] == 1]

    assert [True, True, True] == call(app, "GET", "/").json()
    (snapshot,) = taken
    assert not shows(snapshot)
    for encode in (pickle.dumps, msgspec.json.encode, msgspec.msgpack.encode):
        with pytest.raises(TypeError) as raised:
            encode(snapshot)
        assert not shows(raised.value)


def test_an_answer_with_a_secret_is_a_500_that_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")

    @app.get("/")
    async def handle() -> dict[str, object]:
        return {"password": secret()}

    response = call(app, "GET", "/")
    assert 500 == response.status_code
    assert not shows(response.text + caplog.text)


def test_a_model_takes_a_secret_and_nothing_else() -> None:
    assert secret() == Model(password=secret()).password
    with pytest.raises(ValueError, match="Input should be an instance of Secret"):
        Model(password=7)  # type: ignore[arg-type]
