"""Each provider over something real, where tests can put secrets."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import boto3  # type: ignore[import-untyped]

from perdure.config.secrets import AwsSettings, VaultSettings
from perdure.secrets.aws import AwsProvider
from perdure.secrets.base import Provider
from perdure.secrets.environment import EnvironmentProvider
from perdure.secrets.files import FilesProvider
from perdure.secrets.vault import VaultProvider
from tests.secrets.vault_stub import VaultStub
from tests.servers import Server

__all__ = ["KINDS", "Place", "make_place", "start_moto"]

KINDS = ("environment", "files", "aws", "vault", "vault document")


class Place(NamedTuple):
    """A provider, and the way into what it reads."""

    provider: Provider
    put: Callable[[str, str], None]
    remove: Callable[[str], None]
    gone: Callable[[], Provider] | None
    """Returns a provider of the same kind whose place cannot be asked."""
    close: Callable[[], None]


def start_moto(log: Path) -> Server:
    """Start a server that answers as AWS does."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    def find_url(_: str) -> str | None:
        with socket.socket() as probe:
            return f"http://127.0.0.1:{port}" if probe.connect_ex(("127.0.0.1", port)) == 0 else None

    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return Server(command, log, find_url)


def make_place(kind: str, folder: Path, moto_url: Callable[[], str]) -> Place:
    """Return a place of one of `KINDS`, empty."""
    if kind == "environment":
        return _environment()
    if kind == "files":
        return Place(
            FilesProvider(folder), lambda name, value: _rewrite(folder / name, value),
            lambda name: (folder / name).unlink(), lambda: _unreadable(folder), _nothing,
        )  # fmt: skip
    if kind == "aws":
        return _aws(moto_url(), folder.name)
    return _vault(kind)


def _nothing() -> None:
    pass


def _environment() -> Place:
    environ = {"HOME": "/root", "FIRST": "not the shop's"}

    def put(name: str, value: str) -> None:
        environ[f"SHOP_{name.upper().replace('-', '_').replace('.', '_')}"] = value

    def remove(name: str) -> None:
        del environ[f"SHOP_{name.upper()}"]

    return Place(EnvironmentProvider(environ, "SHOP_"), put, remove, None, _nothing)


def _rewrite(path: Path, value: str) -> None:
    beside = path.with_name(".new")
    beside.write_text(f"{value}\n", "utf-8")
    beside.replace(path)


def _unreadable(folder: Path) -> Provider:
    (folder / "first").unlink(missing_ok=True)
    (folder / "first").mkdir()
    return FilesProvider(folder)


def _aws(url: str, prefix: str) -> Place:
    client: Any = boto3.client("secretsmanager", region_name="eu-west-1", endpoint_url=url)

    def put(name: str, value: str) -> None:
        try:
            client.create_secret(Name=f"{prefix}/{name}", SecretString=value)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=f"{prefix}/{name}", SecretString=value)

    def remove(name: str) -> None:
        client.delete_secret(SecretId=f"{prefix}/{name}", ForceDeleteWithoutRecovery=True)

    def provider(endpoint_url: str) -> AwsProvider:
        return AwsProvider(AwsSettings(region="eu-west-1", prefix=f"{prefix}/", endpoint_url=endpoint_url), 5.0)

    return Place(provider(url), put, remove, lambda: provider(_closed_url()), client.close)


def _vault(kind: str) -> Place:
    stub = VaultStub()
    as_document = kind == "vault document"
    environ = {"VAULT_TOKEN": stub.token}

    def put(name: str, value: str) -> None:
        if as_document:
            stub.documents["team/shop"] = {**(stub.documents.get("team/shop") or {}), name: value}
        else:
            stub.documents[f"team/shop/{name}"] = {"value": value, "other": 1}

    def remove(name: str) -> None:
        if as_document:
            stub.documents["team/shop"].pop(name)  # type: ignore[union-attr]
        else:
            stub.documents[f"team/shop/{name}"] = None

    def provider(url: str) -> VaultProvider:
        settings = VaultSettings(url=url, path="team/shop", field=None if as_document else "value")
        return VaultProvider(settings, environ, 5.0)

    return Place(provider(stub.url), put, remove, lambda: provider(_closed_url()), stub.close)


def _closed_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
