"""What the tests of secrets share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.secrets.places import start_moto
from tests.servers import Server


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Where the stand-in for AWS is; it is started when somebody asks."""
    with ExitStack() as running:
        started: list[Server] = []

        def url() -> str:
            if not started:
                started.append(running.enter_context(start_moto(tmp_path_factory.mktemp("moto") / "moto.log")))
            return started[0].url

        yield url


@pytest.fixture
def _aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
