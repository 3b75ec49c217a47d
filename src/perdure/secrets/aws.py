"""Secrets from AWS Secrets Manager, through boto3.

boto3 blocks, so every call runs in a thread; an asynchronous client (aiobotocore) would pin boto3's version for the
whole program. Credentials are boto3's business: a role, a profile, the environment.

Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, cast, final

from perdure.config.secrets import AwsSettings
from perdure.errors import ConfigError, SecretUnavailableError

__all__ = ["AwsProvider"]

_ATTEMPTS = 2


class _Client(Protocol):
    """What is used of boto3's client, which has no types of its own."""

    def get_secret_value(self, *, SecretId: str) -> Mapping[str, Any]:  # noqa: N803
        """Return the answer to GetSecretValue."""

    def close(self) -> None:
        """Close all connections."""


@final
class AwsProvider:
    """The secret ``db_password`` is the current version of ``<prefix>db_password``: its text, or its bytes.

    Needs ``perdure[aws]``, and the permission ``secretsmanager:GetSecretValue``.

    Args:
        settings: Which account's, and where.
        timeout_s: How long one attempt may take to connect, and to be answered.
    """

    name = "aws"

    def __init__(self, settings: AwsSettings, timeout_s: float) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._client: _Client | None = None

    async def start(self) -> None:
        """See `Provider.start`."""
        self._client = await asyncio.to_thread(self._connect)

    async def fetch(self, name: str) -> str | bytes | None:
        """See `Provider.fetch`."""
        if self._client is None:
            raise SecretUnavailableError("AWS Secrets Manager is asked before the server has started")
        return await asyncio.to_thread(_fetch, self._client, self._settings.prefix + name)

    async def stamp(self, name: str) -> None:
        """Return None: asking for a secret's version costs as much as asking for the secret."""

    async def stop(self) -> None:
        """See `Provider.stop`."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    def _connect(self) -> "_Client":
        try:
            import boto3  # type: ignore[import-untyped]
            from botocore.config import Config  # type: ignore[import-untyped]
            from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
        except ImportError as error:
            raise ConfigError('secrets from aws need boto3: pip install "perdure[aws]"') from error
        settings = self._settings
        retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
        config = Config(connect_timeout=self._timeout_s, read_timeout=self._timeout_s, retries=retries)
        try:
            client = boto3.session.Session().client(
                "secretsmanager", region_name=settings.region, endpoint_url=settings.endpoint_url, config=config
            )
        except (BotoCoreError, ValueError) as error:
            raise ConfigError(f"secrets from aws cannot be set up: {error}; see secrets.aws.region") from error
        return cast("_Client", client)


def _fetch(client: "_Client", secret_id: str) -> str | bytes | None:
    """Return the value of a secret; its errors carry nothing of boto3's."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return _value_of(client.get_secret_value(SecretId=secret_id))
    except ClientError as error:
        fault = error.response.get("Error", {}).get("Code", "an error without a code")
    except (BotoCoreError, KeyError) as error:
        fault = type(error).__name__
    if fault == "ResourceNotFoundException":
        return None
    raise SecretUnavailableError(f"AWS Secrets Manager does not give {secret_id}: {fault}")


def _value_of(answer: Mapping[str, Any]) -> str | bytes:
    """Return the one of the two that a secret has.

    Raises:
        KeyError: It has neither.
    """
    value: str | bytes = answer["SecretString"] if "SecretString" in answer else answer["SecretBinary"]
    return value
