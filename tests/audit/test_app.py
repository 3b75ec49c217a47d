"""What of an app's requests is recorded, and with which key it is signed, as configured."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from perdure import App, Config, GlobalContext, SecretSettings
from perdure.audit.keys import make_signer
from perdure.config import AuditSettings
from perdure.errors import AuditError, ConfigError
from tests.audit.logs import notes, records, verified
from tests.calls import run


def shop(folder: Path, settings: dict[str, Any], **config: Any) -> App:
    audit = AuditSettings(**{"dir": str(folder / "audit"), "fsync": "never", **settings})
    app = App("shop", config=Config(audit=audit, **config))

    @app.get("/orders")
    async def orders() -> list[str]:
        return []

    @app.get("/beat")
    async def beat() -> str:
        return "alive"

    return app


def ask(app: App, *paths: str) -> None:
    async def scenario() -> None:
        await app.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            for path in paths:
                await client.get(path)
        await app.stop()

    run(scenario())


def paths(folder: Path) -> list[str]:
    return [each["path"] for each in records(folder / "audit", "request", "refusal")]


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ask(shop(tmp_path, {"dir": None}), "/orders")
    assert [] == list(tmp_path.iterdir())


def test_handlers_that_are_excluded_are_left_out(tmp_path: Path) -> None:
    ask(shop(tmp_path, {"exclude": ("beat",)}), "/beat", "/orders", "/beat")
    assert ["/orders"] == paths(tmp_path)


@pytest.mark.parametrize("unserved", [True, False])
def test_health_checks_and_documents_are_recorded_only_where_that_is_asked_for(tmp_path: Path, unserved: bool) -> None:
    ask(shop(tmp_path, {"unserved": unserved}), "/healthz", "/openapi.json", "/nowhere")
    assert (["/healthz", "/openapi.json", "/nowhere"] if unserved else ["/nowhere"]) == paths(tmp_path)


def test_the_key_may_be_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    made = make_signer(tmp_path / "secrets" / "audit_key")
    app = shop(tmp_path, {"key_secret": "audit_key"}, secrets=SecretSettings(folder=str(tmp_path / "secrets")))
    ask(app, "/orders")
    assert (made.name,) == verified(tmp_path / "audit").keys
    assert not (tmp_path / "audit" / "signing.key").exists()
    assert [] == notes(tmp_path / "audit")
    [read] = records(tmp_path / "audit", "secret")
    assert ("audit_key", "audit", "files") == (read["secret"], read["reader"], read["provider"])


def test_what_start_up_functions_read_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "db").write_text("value")
    app = shop(tmp_path, {}, secrets=SecretSettings(folder=str(tmp_path / "secrets")))

    @app.startup
    async def begin(gctx: GlobalContext) -> None:
        await gctx.secrets.get("db")

    ask(app)
    [read] = records(tmp_path / "audit", "secret")
    assert ("db", "outside requests", None) == (read["secret"], read["reader"], read["request"])


def test_an_app_starts_again_where_it_stopped(tmp_path: Path) -> None:
    app = shop(tmp_path, {})
    for _ in range(3):
        ask(app, "/orders")
    assert ["/orders"] * 3 == paths(tmp_path)
    assert [] == notes(tmp_path / "audit")


def test_a_key_that_is_none_keeps_the_app_from_starting(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(AuditError, match=r"key\.pem is no private key for the audit log; make one by openssl"):
        asyncio.run(shop(tmp_path, {"key": str(tmp_path / "key.pem")}).start())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rotate_bytes": 10}, "rotate_bytes must be at least 65536"),
        ({"key": "a", "key_secret": "b"}, "both say what to sign with"),
        ({"flush_s": 0.0}, "flush_s must be"),
        ({"when_full": "panic"}, "when_full must be"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AuditSettings(**settings)
