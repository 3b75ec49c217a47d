"""Setting up logging, in processes of their own: it is for a whole process."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from perdure import App, Config, LogSettings
from perdure.errors import ConfigError
from tests.logs.lines import Line, parsed

SET_UP = """
import asyncio, gc, logging, sys, threading, time, warnings
from perdure import App, LocalContext, LogSettings, set_up_logging
"""


def run(source: str, *options: str) -> list[Line]:
    """Run *source* in a process, and return what it logged."""
    ran = subprocess.run(
        [sys.executable, *options, "-c", SET_UP + source], capture_output=True, text=True, check=False, timeout=30
    )
    assert 0 == ran.returncode, ran.stderr
    return parsed(ran.stderr)


def test_the_standard_library_structlog_and_warnings_write_the_same_lines() -> None:
    lines = run("""
import structlog
early = structlog.get_logger("early")
logging.basicConfig(format="MINE %(message)s")
set_up_logging()
logging.getLogger("a").info("one %d", 1, extra={"x": 1})
structlog.get_logger("b").bind(who="me").info("two %s", "too", name="Ada", _x=1)
early.warning("three", exc_info=ValueError("bad"))
structlog.get_logger("c").debug("finely")
warnings.warn("careful")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("b").exception("four", stack_info=True)
""")
    assert ["one 1", "two too", "three"] == [line["message"] for line in lines[:3]]
    assert {"logger": "b", "who": "me", "name": "Ada", "_x": 1, "level": "info"}.items() <= lines[1].items()
    assert ["ValueError", "ZeroDivisionError"] == [line["exception"][0]["exc_type"] for line in (lines[2], lines[4])]  # type: ignore[index]
    assert "stack" in lines[4]
    assert "py.warnings" == lines[3]["logger"]
    assert 5 == len(lines)


def test_a_structlog_that_the_program_has_configured_stays_as_it_is() -> None:
    lines = run("""
import structlog
structlog.configure(processors=[structlog.processors.KeyValueRenderer()],
                    logger_factory=structlog.stdlib.LoggerFactory())
set_up_logging()
structlog.get_logger("b").warning("two", x=1)
""")
    assert "x=1 event='two'" == lines[0]["message"]


def test_a_structlog_that_wraps_its_events_for_a_formatter_joins_in() -> None:
    lines = run("""
import structlog
structlog.configure(processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
                    logger_factory=structlog.stdlib.LoggerFactory())
set_up_logging()
structlog.get_logger("b").warning("two", x=1, password="hunter2")
""")
    assert ("two", 1, "***", "warning") == tuple(lines[0][name] for name in ("message", "x", "password", "level"))


def test_levels_are_as_configured() -> None:
    lines = run("""
set_up_logging(LogSettings(level="error", levels={"a.b": "debug"}))
for name in ("a", "a.b", "a.b.c"):
    logging.getLogger(name).debug("finely")
    logging.getLogger(name).error("loud")
""")
    assert [("a", "loud"), ("a.b", "finely"), ("a.b", "loud"), ("a.b.c", "finely"), ("a.b.c", "loud")] == [
        (line["logger"], line["message"]) for line in lines
    ]


def test_a_record_from_a_task_or_a_thread_belongs_to_its_request() -> None:
    lines = run("""
set_up_logging(LogSettings(levels={"httpx": "error"}))
import httpx
app = App("shop")
log = logging.getLogger("library")

@app.get("/a", id="a")
async def a(lctx: LocalContext) -> str:
    log.info("before")
    await asyncio.gather(asyncio.create_task(later()), asyncio.to_thread(log.info, "in a thread"))
    return lctx.request_id

async def later() -> None:
    log.info("in a task")

async def ask() -> list[str]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        ids = [(await client.get("/a")).text for _ in range(2)]
    return ids

log.info("after", extra={"ids": asyncio.run(ask())})
""")
    *of_requests, after = [line for line in lines if line["logger"] == "library"]
    ids = after["ids"]
    assert isinstance(ids, list)
    assert [each for each in ids for _ in range(3)] == [line["request_id"] for line in of_requests]
    assert {"a"} == {line["handler"] for line in of_requests}
    assert "request_id" not in after


def test_no_field_takes_the_place_of_the_ids_of_a_request() -> None:
    *told, outside = run("""
set_up_logging(LogSettings(levels={"httpx": "error"}))
import httpx, structlog
app = App("shop")
log = logging.getLogger("library")
OTHERS = {"request_id": "another", "handler": "stdout", "version": "1.2", "trace_id": "t", "span_id": "s"}

@app.get("/a", id="a")
async def a(lctx: LocalContext) -> str:
    log.info("plain", extra=OTHERS)
    structlog.get_logger("library").info("structured", **OTHERS)
    lctx.log.info("own", **OTHERS)
    lctx.log.bind(**OTHERS).info("bound", extra={"version": "1.3"})
    log.info("the same", extra={"request_id": lctx.request_id})
    return lctx.request_id

async def ask() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        await client.get("/a")

asyncio.run(ask())
log.info("outside", extra=OTHERS)
""")
    assert 1 == len({tuple(line[key] for key in ("request_id", "handler", "version", "trace_id")) for line in told})
    assert ["1.2", "1.2", "1.2", "1.3", None] == [line.get("version_") for line in told]
    assert ["another"] * 4 + [None] == [line.get("request_id_") for line in told]
    assert ("a", "another", "stdout") == (told[0]["handler"], outside["request_id"], outside["handler"])


def test_logging_costs_nobody_his_life() -> None:
    lines = run("""
set_up_logging()
class Deep:
    def __repr__(self): return repr(self)
    __str__ = __repr__
class Leaving:
    def __str__(self): raise SystemExit
class Chatty:
    def __str__(self):
        logging.getLogger("inner").warning("from within")
        return "chatty"
log = logging.getLogger("a")
log.warning("%s", Deep())
log.warning(Chatty())
log.warning("x", extra={"a": Deep(), "b": {1: 2, None: 3, (1,): 4}})
log.log(15, "between")
log.handle(logging.makeLogRecord({"msg": None, "name": None, "levelname": None, "created": "never", "levelno": 30}))
log.error("%s", "last")
""")
    assert "last" == lines[-1]["message"]
    assert {"from within", "chatty", "x"} <= {line["message"] for line in lines}


def test_a_closed_stderr_costs_lines_only(tmp_path: Path) -> None:
    source = (
        SET_UP
        + """
other = open("other", "wb")
set_up_logging()
logging.warning("x")
logging.shutdown()
time.sleep(0.05)
print("lived", other.fileno())
"""
    )
    ran = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, source], capture_output=True, text=True, check=True,
        cwd=tmp_path, timeout=30,
    )  # fmt: skip
    assert ran.stdout.startswith("lived")
    assert b"" == (tmp_path / "other").read_bytes()


def test_what_is_written_last_is_there() -> None:
    lines = run("""
set_up_logging()
for number in range(5000):
    logging.warning("%d", number)
""")
    assert [str(number) for number in range(5000)] == [line["message"] for line in lines]


def test_an_app_touches_no_logging_that_is_set_up() -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level, logging.getLogger("perdure").level
    app = App("shop", config=Config(logs=LogSettings(level="critical", levels={"perdure": "debug"}, format="json")))
    app.compile()
    assert before == (logging.getLogger().handlers, logging.getLogger().level, logging.getLogger("perdure").level)


def test_perdure_imports_no_structlog() -> None:
    source = "import sys, perdure; sys.exit('structlog' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", source], check=False, timeout=30).returncode


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"format": "xml"}, "format must be"), ({"level": "loud"}, "level must be"), ({"level": "INFO"}, "level must"),
        ({"levels": {"a": "loud"}}, "levels must be"), ({"levels": {"a b": "info"}}, "levels names loggers"),
        ({"access_share": 1.5}, "access_share must be from 0 to 1"), ({"access_per_s": 0}, "access_per_s must be"),
        ({"backlog_limit_bytes": -1}, "backlog_limit_bytes must be"), ({"hide": "iban"}, "hide must be"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        LogSettings(**settings)  # type: ignore[arg-type]


def test_levels_are_set_by_names_with_dots(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from perdure import App\napp = App('t')\n")
    (tmp_path / "perdure.toml").write_text('[logs.levels]\n"a.b" = "error"\n')
    ran = subprocess.run(
        [
            sys.executable, "-m", "perdure", "config", "app.py", "--json", "--set", "logs.levels.perdure.ingress=debug",
        ],
        capture_output=True, text=True, check=True, cwd=tmp_path, timeout=30,
        env={"PERDURE_LOGS__LEVELS__A__C": "info", "PATH": ""},
    )  # fmt: skip
    rows = {row["name"]: row["value"] for row in json.loads(ran.stdout)}
    assert {
        "a.b": "error",
        "a.c": "info",
        "perdure.ingress": "debug",
        "perdure.audit": "warning",
        "httpx": "warning",
    } == {
        name.removeprefix("logs.levels.").strip('"').replace('"', ""): value
        for name, value in rows.items()
        if name.startswith("logs.levels")
    }
