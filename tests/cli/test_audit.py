"""`perdure audit`, and what the other commands leave in the log."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perdure.cli.main import main
from perdure.cli.operator import operator
from tests.audit.logs import faults, log_files, open_stream, records

APP = """
from perdure import App, Config
from perdure.config import ApiKeySettings, AuditSettings, AuthSettings

app = App("shop", config=Config(
    audit=AuditSettings(dir="audit", fsync="never", key=KEY, when_full=WHEN),
    auth=AuthSettings(api_keys=ApiKeySettings()),
))


@app.get("/orders/{number}")
async def get_order() -> str:
    return "an order"


@app.get("/broken")
async def broken() -> str:
    raise RuntimeError("broken")
"""
Told = tuple[int, str, str]
Run = Callable[..., Told]


@pytest.fixture
def perdure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run ``perdure`` in a project whose app has an audit log."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PERDURE_STORE_URL", raising=False)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "app.py").write_text(APP.replace("KEY", "None").replace("WHEN", "'drop'"))

    def run(*arguments: str) -> Told:
        sys.modules.pop("app", None)
        monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(tmp_path)])
        capsys.readouterr()
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, " ".join(printed.err.split())

    yield run
    sys.modules.pop("app", None)


@pytest.mark.parametrize("command", [("verify",), ("tail",), ("show", "r1"), ("export",), ("key",), ("heads",)])
@pytest.mark.parametrize("named", ["kept", "kept/audit-01-000001.jsonl"])
def test_folder_given_by_position_is_answered_with_the_option_that_names_it(
    perdure: Run, tmp_path: Path, command: tuple[str, ...], named: str
) -> None:
    open_stream(tmp_path / "kept").close()
    code, _, told = perdure("audit", *command, named)
    assert 2 == code
    assert "here the folder of a log is named with --dir, as in: perdure audit … --dir kept" in told
    assert "--app" not in told


def test_what_is_no_folder_is_taken_for_an_app(perdure: Run) -> None:
    code, _, told = perdure("audit", "verify", "app.py")
    assert 2 == code
    assert "here the app is named with --app, as in: perdure audit … --app app.py" in told


def served(folder: Path, *paths: str) -> list[str]:
    """Serve requests in this process, and return their ids."""
    import asyncio
    from runpy import run_path

    import httpx

    app = run_path(str(folder / "app.py"))["app"]

    async def serve() -> list[str]:
        await app.start()
        found = []
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            for path in paths:
                found.append((await client.get(path)).headers["x-request-id"])
        await app.stop()
        return found

    return asyncio.run(serve())


def test_verify_of_a_whole_log_says_what_it_saw_and_exits_0(perdure: Run, tmp_path: Path) -> None:
    served(tmp_path, "/orders/1", "/broken")
    code, printed, errors = perdure("audit", "verify")
    assert (0, "") == (code, errors)
    assert "stream 01: 6 lines in 1 file\n" in printed
    assert "is as it was written, by the keys in the log's own folder: " in printed
    code, printed, _ = perdure("audit", "verify", "--json", "--dir", "audit")
    report = json.loads(printed)
    assert (0, True, [], 6) == (code, report["sound"], report["findings"], report["streams"][0]["lines"])


def test_verify_of_a_changed_log_names_file_and_line_and_exits_1(perdure: Run, tmp_path: Path) -> None:
    served(tmp_path, "/orders/1")
    [file] = log_files(tmp_path / "audit")
    file.write_bytes(file.read_bytes().replace(b"/orders/1", b"/orders/2"))
    code, printed, _ = perdure("audit", "verify")
    assert 1 == code
    assert f"{file.name}:4: it is not what was written here" in printed
    assert "is not as it was written: 1 finding\n" in printed


def test_verify_against_a_key_and_heads_kept_elsewhere(perdure: Run, tmp_path: Path) -> None:
    served(tmp_path, "/orders/1")
    key, heads = tmp_path / "kept.pem", tmp_path / "kept.jsonl"
    key.write_text(perdure("audit", "key")[1])
    heads.write_text(perdure("audit", "heads")[1])
    earlier = {path: path.read_bytes() for path in (tmp_path / "audit").iterdir()}
    served(tmp_path, "/orders/2")
    assert 0 == perdure("audit", "verify", "--key", "kept.pem", "--expect", "kept.jsonl")[0]
    heads.write_text(perdure("audit", "heads")[1])
    for path, content in earlier.items():
        path.write_bytes(content)
    assert 0 == perdure("audit", "verify", "--key", "kept.pem")[0]
    code, printed, _ = perdure("audit", "verify", "--key", "kept.pem", "--expect", "kept.jsonl")
    assert (1, True) == (code, "is missing or was changed; what was expected has seen it" in printed)
    heads.write_text("{}\n")
    code, _, errors = perdure("audit", "verify", "--expect", "kept.jsonl")
    assert (1, True) == (code, "kept.jsonl:1 is not what `perdure audit heads` printed" in errors)


def test_verify_without_a_log_says_so(perdure: Run, tmp_path: Path) -> None:
    code, _, errors = perdure("audit", "verify")
    assert 1 == code
    assert "cannot be read: No such file or directory" in errors
    assert 2 == perdure("audit", "verify", "--dir", "nowhere")[0]
    (tmp_path / "app.py").write_text('from perdure import App\napp = App("shop")\n')
    code, _, errors = perdure("audit", "verify")
    assert (1, True) == (code, "the app has no audit log: audit.dir is not set" in errors)


def test_tail_prints_the_newest_records_for_people_and_for_programs(perdure: Run, tmp_path: Path) -> None:
    ids = served(tmp_path, *[f"/orders/{number}" for number in range(30)], "/broken", "/nowhere")
    code, printed, _ = perdure("audit", "tail", "-n", "3")
    one, two, three = printed.splitlines()
    assert 0 == code
    assert "200 GET '/orders/29' 127.0.0.1:123 get_order unversioned" in one
    assert two.endswith(f"{ids[-2]} RuntimeError")
    assert "404 GET '/nowhere'" in three
    assert "RouteNotFoundError" in three
    printed = perdure("audit", "tail", "--json", "--kind", "refusal")[1]
    assert [ids[-1]] == [json.loads(line)["id"] for line in printed.splitlines()]
    assert 20 == len(perdure("audit", "tail")[1].splitlines())
    assert "" == perdure("audit", "tail", "--until", "2020-01-01")[1]
    assert "" == perdure("audit", "tail", "--handler", "other")[1]


def test_show_tells_all_about_one_request(perdure: Run, tmp_path: Path) -> None:
    ids = served(tmp_path, "/orders/1", "/broken")
    code, printed, _ = perdure("audit", "show", ids[1])
    assert 0 == code
    for each in ("handler:      broken", "status:       500", "error:        RuntimeError", "audit-01-000001.jsonl:5"):
        assert each in printed
    assert ["validation request", "handler handler"] == [
        line[:18].strip() for line in printed.splitlines() if line.startswith(("validation", "handler "))
    ]
    raw = perdure("audit", "show", ids[0], "--json")[1]
    assert raw.encode() in log_files(tmp_path / "audit")[0].read_bytes()
    code, printed, errors = perdure("audit", "show", "unknown")
    assert (1, "", True) == (code, printed, "has no record of the request 'unknown'" in errors)


def test_show_prints_no_control_characters_of_clients(perdure: Run, tmp_path: Path) -> None:
    [request_id] = served(tmp_path, "/orders/%1b[2J")
    printed = perdure("audit", "show", request_id)[1] + perdure("audit", "tail")[1]
    assert "\x1b" not in printed
    assert "\\x1b[2J" in printed


def test_export_gives_all_streams_in_order_as_they_are(perdure: Run, tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    one, two = open_stream(folder), open_stream(folder)
    for number in range(4):
        stream = (one, two)[number % 2]
        stream.write([b'{"kind":"request","at":%d,"id":"r%d"' % (1_600_000_000 + number, number)])
    one.close()
    two.close()
    code, printed, _ = perdure("audit", "export", "--until", "2021-01-01")
    assert (0, ["r0", "r1", "r2", "r3"]) == (code, [json.loads(line)["id"] for line in printed.splitlines()])
    code, printed, _ = perdure("audit", "export", "--output", "all.jsonl", "--all")
    assert (0, "wrote 10 records to all.jsonl\n") == (code, printed)
    written = (tmp_path / "all.jsonl").read_bytes().splitlines()
    assert sorted(written) == sorted(line for path in log_files(folder) for line in path.read_bytes().splitlines())
    assert 1 == perdure("audit", "export", "--output", "nowhere/all.jsonl")[0]
    assert 1 == perdure("audit", "export", "--since", "yesterday")[0]


def test_operations_are_recorded_with_who_did_what(perdure: Run, tmp_path: Path) -> None:
    assert 0 == perdure("keys", "create", "--subject", "till-3", "--role", "clerk", "--quiet")[0]
    [key] = json.loads(perdure("keys", "list", "--json")[1])
    assert 0 == perdure("keys", "revoke", str(key["id"]))[0]
    assert 1 == perdure("versions", "tag", "beta", "v9")[0]
    assert 0 == perdure("versions", "register")[0]
    assert 0 == perdure("versions", "pin", "127.0.0.1", "unversioned")[0]
    assert 1 == perdure("versions", "unpin", "nobody")[0]
    found = records(tmp_path / "audit", "operation")
    assert [
        ("keys", f"create {key['id']} for till-3 role=clerk", ""), ("keys", f"revoke {key['id']} of till-3", ""),
        ("versions", "register", ""), ("versions", "pin 127.0.0.1 unversioned", ""),
        ("versions", "unpin nobody", "DecisionError"),
    ] == [(each["command"], each["action"], each["error"]) for each in found]  # fmt: skip
    assert {(operator(), "shop")} == {(each["by"], each["app"]) for each in found}
    assert [] == faults(tmp_path / "audit")
    assert f"{operator()}: keys revoke {key['id']} of till-3" in perdure("audit", "tail")[1]
    begun = len(records(tmp_path / "audit", "begin"))
    assert 0 == perdure("versions", "list")[0]
    assert begun == len(records(tmp_path / "audit", "begin")), "who only looks leaves nothing"


@pytest.mark.parametrize("when_full", ["drop", "refuse"])
def test_operation_that_cannot_be_recorded_is_done_or_not_as_configured(
    perdure: Run, tmp_path: Path, when_full: str
) -> None:
    (tmp_path / "app.py").write_text(APP.replace("KEY", "'nowhere.key'").replace("WHEN", repr(when_full)))
    code, printed, errors = perdure("keys", "create", "--subject", "till-3", "--quiet")
    assert "the key of the audit log, nowhere.key, cannot be had: No such file or directory" in errors.replace(
        f"{tmp_path}/", ""
    )
    keys = json.loads(perdure("keys", "list", "--json")[1])
    if when_full == "drop":
        assert (0, 1, True) == (code, len(keys), printed.startswith("pdk_"))
    else:
        assert (1, 0, "") == (code, len(keys), printed)
        assert "nothing is decided that is not recorded" in errors
