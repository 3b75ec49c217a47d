"""No value of a known secret is in a label, a span or a line of the access log, also where a client sends it."""

import logging
from pathlib import Path

import pytest

from perdure import App, Config, GlobalContext, LogSettings, OtlpSettings, Request, SecretSettings, TraceSettings
from perdure.config import MetricsSettings
from tests.calls import run, serving
from tests.telemetry.otlp_receiver import attributes_of, http_collector
from tests.telemetry.test_tracing import CALLER

VALUE = "hunter2-is-long"


def test_known_secret_is_masked_wherever_a_client_or_the_program_puts_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "perdure")
    (tmp_path / "hook").write_text(VALUE)
    with http_collector() as collector:
        app = App("shop", config=Config(
            secrets=SecretSettings(folder=str(tmp_path)), metrics=MetricsSettings(path="/metrics"),
            logs=LogSettings(access=True), otlp=OtlpSettings(endpoint=collector.url), traces=TraceSettings(),
        ))  # fmt: skip
        called = app.metrics.counter("shop.called", "Calls.", labels=("by", "long"))

        @app.startup
        async def begin(gctx: GlobalContext) -> None:
            await gctx.secrets.get("hook")

        @app.get("/hooks/{key}")
        async def hook(req: Request) -> str:
            key = req.params["key"]
            called.bind(by=f"key {key}", long="x" * 195 + key).add()
            return "ok"

        async def scenario() -> str:
            await app.start()
            async with serving(app) as client:
                headers = {**CALLER, "user-agent": f"agent/{VALUE}"}
                assert 200 == (await client.get(f"/hooks/{VALUE}", headers=headers)).status_code
                page = (await client.get("/metrics")).text
            await app.stop()
            return page

        page = run(scenario())
        assert f'shop_called_total{{by="key ***",long="{"x" * 195}***"}} 1.0' in page
        [server] = collector.servers()
        told = attributes_of(server.attributes)
        assert ("/hooks/***", "agent/***") == (told["url.path"], told["user_agent.original"])
        [line] = [record for record in caplog.records if record.name == "perdure.access"][:1]
        assert ("/hooks/***", "agent/***") == (vars(line)["path"], vars(line)["user_agent"])
        for text in (page, str(collector.spans), str(collector.metrics), str([vars(each) for each in caplog.records])):
            assert VALUE not in text
            assert VALUE[:9] not in text


def test_labels_are_as_they_are_before_there_is_an_app_that_knows_secrets() -> None:
    app = App("shop")
    counter = app.metrics.counter("shop.early", "Early.", labels=("kind",))
    counter.bind(kind=VALUE).add()
    [family] = [each for each in app._metrics.registry.families() if each.name == "shop.early"]
    assert [(("kind", VALUE),)] == [sample.labels for sample in family.samples]
