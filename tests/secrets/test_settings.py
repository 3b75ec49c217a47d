"""Settings of secrets: what is refused, and that no message repeats a password."""

from typing import Any

import pytest

from perdure.clock import FakeClock
from perdure.config import AwsSettings, SecretSettings, VaultSettings
from perdure.errors import ConfigError, SecretMissingError
from perdure.secrets.opening import open_secrets

VAULT = {"url": "https://vault.example.com:8200"}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"ttl_s": 0.5}, "ttl_s must be 1 to 3600"), ({"ttl_s": 3601.0}, "ttl_s must be 1 to 3600"),
        ({"ttl_s": float("nan")}, "ttl_s must be"), ({"refresh_at": 0.0}, "refresh_at must be"),
        ({"refresh_at": 1.1}, "refresh_at must be at most 1"), ({"stale_s": -1.0}, "stale_s must be 0 or more"),
        ({"stale_s": float("inf")}, "stale_s must be"), ({"timeout_s": 0.0}, "timeout_s must be"),
        ({"environment_prefix": "SHOP-"}, "environment_prefix begins"), ({"providers": ("disk",)}, "providers must be"),
        ({"providers": ["files"]}, "providers must be"), ({"providers": ("files", "files")}, "names one twice"),
        ({"providers": ("vault",)}, "vault.url does not say"), ({"aws": AwsSettings()}, "providers does not name it"),
        ({"vault": VaultSettings(**VAULT)}, "providers does not name it"), ({"ttl_s": "60"}, "ttl_s must be float"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        SecretSettings(**settings)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"url": "vault:8200"}, "vault.url must be a URL"), ({"url": "https://"}, "vault.url must be a URL"),
        ({"url": "https://vault:x"}, "vault.url must be a URL"), ({"url": "https://u:hunter2@vault"}, "without user"),
        ({"url": "https://vault?token=hunter2"}, "no query"), (VAULT | {"mount": "../sys"}, "vault.mount is a path"),
        (VAULT | {"mount": ""}, "vault.mount is a path"), (VAULT | {"path": "/shop"}, "vault.path is a path"),
        (VAULT | {"path": "a/../b"}, "vault.path is a path"), (VAULT | {"field": None}, "vault.path must name"),
        (VAULT | {"field": ""}, "vault.field must not"), (VAULT | {"token_variable": "A-B"}, "vault.token_variable"),
    ],
)  # fmt: skip
def test_settings_of_vault_that_make_no_sense_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as raised:
        VaultSettings(**settings)
    assert "hunter2" not in str(raised.value)


def test_settings_of_aws_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"aws\.prefix"):
        AwsSettings(prefix="shop ")
    with pytest.raises(ConfigError, match=r"aws\.endpoint_url"):
        AwsSettings(endpoint_url="localhost")


async def test_without_any_provider_every_secret_is_missing() -> None:
    async with open_secrets(SecretSettings(providers=("files",), folder=None), {}, FakeClock()) as manager:
        with pytest.raises(SecretMissingError, match="asked: nobody"):
            await manager.read("it", "test")
