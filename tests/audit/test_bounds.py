"""No request makes a record without end: of many steps, of long names, of long paths."""

from pathlib import Path
from typing import Any

import httpx

from perdure import App, AuditSettings, Config, LocalContext
from tests.audit.logs import records, verified
from tests.calls import run


def asked(folder: Path, *paths: str) -> list[dict[str, Any]]:
    app = App("shop", config=Config(audit=AuditSettings(dir=str(folder), fsync="never")))

    @app.get("/many/{count:int}")
    async def many(lctx: LocalContext) -> int:
        count = int(lctx.meta.path.rpartition("/")[2])
        return sum([await lctx.publish(f"topic {number}") for number in range(count)])

    @app.get("/long")
    async def long(lctx: LocalContext) -> int:
        return await lctx.publish("t" * 100_000)

    async def scenario() -> None:
        await app.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            for path in paths:
                await client.get(path)
        await app.stop()

    run(scenario())
    assert verified(folder).is_sound
    return records(folder, "request", "refusal")


def test_of_too_many_steps_it_is_told_how_many_are_left_out(tmp_path: Path) -> None:
    few, many = asked(tmp_path, "/many/990", "/many/5000")
    assert {"validation", "handler", "publish", "response"} == {each["stage"] for each in few["events"]}
    assert 1001 == len(many["events"])
    last = many["events"][-1]
    assert ("omitted", "4003 steps") == (last["stage"], last["name"])
    assert all(each["us"] is not None for each in many["events"][:-1])


def test_long_names_and_long_paths_are_shortened(tmp_path: Path) -> None:
    named, refused = asked(tmp_path, "/long", "/" + "x" * 20_000)
    [publish] = [each for each in named["events"] if each["stage"] == "publish"]
    assert "t" * 500 == publish["name"]
    assert (414, 8192) == (refused["status"], len(refused["path"]))
