"""A server whose code is not what the newest revision records says so, once."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perdure.cli.target import find_target, load
from perdure.cli.unrecorded import warn_of_unrecorded
from tests.cli.versioned import RECORDED, write_project
from tests.servers import Server

NARROWED = RECORDED.replace("total: int", "total: str").replace("2)", '"2")')


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[str], str]:
    """What is logged of a project with some code."""

    def tell(app: str) -> str:
        write_project(tmp_path, app)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.setattr(sys, "modules", {name: each for name, each in sys.modules.items() if name != "app"})
        loaded = load(find_target(None, tmp_path))
        caplog.clear()
        caplog.set_level(logging.INFO, "perdure.app")
        warn_of_unrecorded(loaded)
        return "\n".join(f"{record.levelname} {record.getMessage()}" for record in caplog.records)

    return tell


@pytest.mark.parametrize(
    "app", [RECORDED, RECORDED.replace("    total: int\n", "    total: int\n    note: str | None = None\n")]
)
def test_code_that_keeps_what_is_recorded_is_served_without_a_word(told: Callable[[str], str], app: str) -> None:
    assert "" == told(app)


def test_code_that_breaks_clients_is_told_with_what_changed(told: Callable[[str], str]) -> None:
    assert told(NARROWED).startswith(
        "WARNING the code serves v2.0.0 (2026-02-01), but is not what the revision 2026-02-01_total records: "
        "1 breaking (GET /orders/{order_id} /body/total: the type was integer and is now string). Clients"
    )


def test_code_that_breaks_much_is_told_in_few_words(told: Callable[[str], str]) -> None:
    fields = "".join(f"    more{number}: int\n" for number in range(9))
    app = RECORDED.replace("async def get_order(req: Request)", "async def get_order(req: Request[None, None, Filter])")
    printed = told(app.replace("    limit: int = 20\n", fields))
    assert "9 breaking (GET /orders/{order_id} /query/more0: " in printed
    assert "/query/more4: " in printed
    assert "; and 4 more)" in printed


@pytest.mark.slow
def test_server_with_several_workers_says_it_once(
    tmp_path: Path, start_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = start_server(write_project(tmp_path, NARROWED), "--workers", "2")
    assert 1 == server.printed.count("is not what the revision 2026-02-01_total records")
