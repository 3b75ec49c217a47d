"""Vault and AWS: what else they answer, and what they are asked."""

import asyncio
import logging
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest

from perdure.clock import SystemClock
from perdure.config.secrets import AwsSettings, SecretSettings, VaultSettings
from perdure.errors import ConfigError, SecretMissingError, SecretUnavailableError
from perdure.secrets.aws import AwsProvider
from perdure.secrets.manager import SecretsManager
from perdure.secrets.opening import open_secrets
from perdure.secrets.vault import VaultProvider
from tests.secrets.vault_stub import VaultStub

TOKEN = "s.token"


@pytest.fixture
async def vault() -> AsyncIterator[VaultStub]:
    stub = VaultStub(TOKEN)
    stub.documents["it"] = {"value": "hunter2", "number": 7}
    yield stub
    await asyncio.to_thread(stub.close)


async def ask(stub: VaultStub, environ: dict[str, str] | None = None, **options: Any) -> str | None:
    settings = VaultSettings(url=stub.url, **options)
    provider = VaultProvider(settings, {"VAULT_TOKEN": TOKEN} if environ is None else environ, 5.0)
    await provider.start()
    try:
        return await provider.fetch("it")
    finally:
        await provider.stop()


async def test_vault_is_asked_as_its_documentation_says(vault: VaultStub) -> None:
    vault.mount = "team/kv"
    assert "hunter2" == await ask(vault, mount="team/kv", namespace="shop/eu")
    ((path, headers),) = vault.asked
    assert "/v1/team/kv/data/it" == path
    assert (TOKEN, "shop/eu", "true") == tuple(headers[f"x-vault-{name}"] for name in ("token", "namespace", "request"))


@pytest.mark.parametrize(
    ("forced", "why"),
    [
        ((403, b'{"errors":["permission denied"]}'), "the token may not read it"),
        ((503, b'{"errors":["Vault is sealed"]}'), "503: Vault is sealed"),
        ((404, b'{"errors":["no handler for route"]}'), "404: no handler for route"),
        ((200, b"<html>hunter2</html>"), "not Vault's"), ((200, b"\xff"), "not Vault's"), ((200, b"[]"), "not Vault's"),
        ((200, b"[" * 100_000), "not Vault's"), ((200, b'{"data": {"data": ["hunter2"]}}'), "not Vault's"),
        ((200, b"{}"), "200: without a reason"), ((500, b'{"data":{"data":{"value":"hunter2"}}}'), "500: without"),
        ((307, b"{}"), "it answers 307"), ((200, b'{"data":{"data":{"value":["hunter2"]}}}'), "is no text"),
    ],
)  # fmt: skip
async def test_what_vault_should_not_answer_is_unavailable_and_told_without_values(
    vault: VaultStub, forced: tuple[int, bytes], why: str
) -> None:
    vault.forced = forced
    with pytest.raises(SecretUnavailableError, match=why) as raised:
        await ask(vault)
    told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    own = [frame for frame in told.stack if "/perdure/secrets/" in frame.filename]
    assert own
    assert not any(held in str([frame.locals for frame in own]) for held in ("hunter2", TOKEN))
    assert 1 == len(vault.asked), "a redirect is not followed: it would take the token along"


async def test_a_field_that_is_not_in_the_document_is_missing(vault: VaultStub) -> None:
    assert None is await ask(vault, field="password")


async def test_the_token_file_is_read_each_time(vault: VaultStub, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    provider = VaultProvider(VaultSettings(url=vault.url, token_file=str(file)), {}, 5.0)
    await provider.start()
    assert "hunter2" == await provider.fetch("it")
    vault.token = "renewed"
    with pytest.raises(SecretUnavailableError, match="not valid any more"):
        await provider.fetch("it")
    file.write_text("renewed")
    assert "hunter2" == await provider.fetch("it")
    file.unlink()
    with pytest.raises(SecretUnavailableError, match=f"there is no token in {file}"):
        await provider.fetch("it")
    await provider.stop()


@pytest.mark.parametrize("token", ["", "a\nx-injected: 1", "é", " \x00"])
async def test_a_token_that_is_none_is_not_sent(vault: VaultStub, token: str) -> None:
    with pytest.raises(SecretUnavailableError, match="no token in the variable VAULT_TOKEN"):
        await ask(vault, {"VAULT_TOKEN": token})
    assert [] == vault.asked


async def test_proxies_of_the_environment_are_not_asked(vault: VaultStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert "hunter2" == await ask(vault)


async def test_certificates_that_cannot_be_read_are_told_at_start() -> None:
    provider = VaultProvider(VaultSettings(url="https://vault", ca_file="/nowhere.pem"), {}, 5.0)
    with pytest.raises(ConfigError, match=r"vault\.ca_file /nowhere\.pem cannot be used"):
        await provider.start()


@pytest.mark.parametrize(("kind", "module"), [("vault", "httpx"), ("aws", "boto3")])
async def test_an_extra_that_is_not_installed_is_told_at_start(
    kind: Any, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    vault = VaultSettings(url="https://vault") if kind == "vault" else None
    manager = open_secrets(SecretSettings(providers=(kind,), vault=vault), {}, SystemClock())
    with pytest.raises(ConfigError, match=rf'pip install "perdure\[{kind}\]"'):
        await manager.__aenter__()
    await manager.__aexit__(None, None, None)


@pytest.mark.usefixtures("_aws_credentials")
async def test_aws_keeps_bytes_and_nothing_it_logs_shows_a_value(
    moto_url: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    client: Any = boto3.client("secretsmanager", region_name="eu-west-1", endpoint_url=moto_url())
    client.create_secret(Name="bytes", SecretBinary=b"\xff\x00")
    client.create_secret(Name="text", SecretString="hunter2-of-aws")
    client.close()
    aws = AwsSettings(region="eu-west-1", endpoint_url=moto_url())
    manager = open_secrets(SecretSettings(providers=("aws",), aws=aws), {}, SystemClock())
    with caplog.at_level(logging.DEBUG):
        async with manager:
            assert b"\xff\x00" == (await manager.read("bytes", "test")).reveal_bytes()
            assert "hunter2-of-aws" == (await manager.read("text", "test")).reveal()
            with pytest.raises(SecretMissingError):
                await manager.read("other", "test")
            logging.getLogger("botocore.parsers").debug("Response body: %s", "hunter2-of-aws")
    from_botocore = [each.getMessage() for each in caplog.records if each.name == "botocore.parsers"]
    assert from_botocore, "the client's own parsers log answers, so this test can fail"
    assert "hunter2-of-aws" not in caplog.text
    assert "Response body: ***" == from_botocore[-1]


@pytest.mark.usefixtures("_aws_credentials")
async def test_aws_without_a_region_is_told_at_start() -> None:
    with pytest.raises(ConfigError, match=r"see secrets\.aws\.region"):
        await AwsProvider(AwsSettings(), 1.0).start()


async def test_aws_without_credentials_is_unavailable(
    moto_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    provider = AwsProvider(AwsSettings(region="eu-west-1", endpoint_url=moto_url()), 1.0)
    async with SecretsManager([provider], SecretSettings(), SystemClock()) as manager:
        with pytest.raises(SecretUnavailableError, match="AWS Secrets Manager does not give it: NoCredentialsError"):
            await manager.read("it", "test")
