"""Secrets from files: what Docker and Kubernetes do with them, and what somebody else might."""

import os
from pathlib import Path

import pytest

from perdure.clock import FakeClock
from perdure.config.secrets import SecretSettings
from perdure.errors import SecretMissingError, SecretUnavailableError
from perdure.secrets.files import FilesProvider
from perdure.secrets.manager import SecretsManager
from tests.secrets.fakes import settle


def publish(folder: Path, generation: str, **secrets: str) -> None:
    """Mount *secrets* as the kubelet does: a folder of their own, and a link to it that is swapped."""
    (folder / f"..{generation}").mkdir()
    for name, value in secrets.items():
        (folder / f"..{generation}" / name).write_text(value)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data_tmp").symlink_to(f"..{generation}")
    (folder / "..data_tmp").replace(folder / "..data")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"hunter2", "hunter2"), (b"hunter2\n", "hunter2"), (b"hunter2\r\n", "hunter2"), (b"a\n\n", "a\n"),
        (b"a\r", "a\r"), (b" a \n", " a "), (b"-----BEGIN\nx\n-----END\n", "-----BEGIN\nx\n-----END"),
        ("é\n".encode(), "é"), (b"\xff\x00\n", b"\xff\x00\n"), (b"", ""), (b"\n", ""),
    ],
)  # fmt: skip
async def test_a_file_is_read_without_the_newline_at_its_end(tmp_path: Path, written: bytes, read: str | bytes) -> None:
    (tmp_path / "it").write_bytes(written)
    assert read == await FilesProvider(tmp_path).fetch("it")


async def test_a_folder_that_does_not_exist_has_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "missing", tmp_path / "file"):
        provider = FilesProvider(folder)
        assert None is await provider.fetch("it")
        assert None is await provider.stamp("it")


async def read_until_it_fails(manager: SecretsManager) -> None:
    while True:
        await manager.read("db", "test")
        await settle()


async def test_a_rotated_mount_is_noticed_within_two_seconds(tmp_path: Path) -> None:
    publish(tmp_path, "2026_01", db="old", key="same")
    clock = FakeClock()
    async with SecretsManager([FilesProvider(tmp_path)], SecretSettings(ttl_s=3600.0), clock) as manager:
        await settle()
        assert "old" == (await manager.read("db", "test")).reveal()
        publish(tmp_path, "2026_02", db="new", key="same")
        clock.advance(2.0)
        while "new" != (await manager.read("db", "test")).reveal():
            await settle()
        (tmp_path / "db").unlink()
        clock.advance(2.0)
        with pytest.raises(SecretMissingError):
            await read_until_it_fails(manager)


async def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "large").write_bytes(b"x" * (1024 * 1024 + 1))
    for name, why in (
        ("pipe", "it is no file"), ("folder", "it is no file"), ("loop", "Too many levels"),
        ("large", "it is larger than"),
    ):  # fmt: skip
        with pytest.raises(SecretUnavailableError, match=why):
            await FilesProvider(tmp_path).fetch(name)


async def test_a_file_as_large_as_allowed_is_read(tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(b"x" * (1024 * 1024))
    value = await FilesProvider(tmp_path).fetch("it")
    assert 1024 * 1024 == len(value or "")


async def test_a_file_that_may_not_be_read_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "it").write_text("x")
    (tmp_path / "it").chmod(0)
    user = os.geteuid()
    if user == 0:  # who may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(SecretUnavailableError, match="Permission denied"):
            await FilesProvider(tmp_path).fetch("it")
    finally:
        os.seteuid(user)
