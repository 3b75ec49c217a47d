"""What tests of several folders use."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers import Server, serve

# A shared machine makes deadlines meaningless. CI draws the same examples each time; at home they differ.
settings.register_profile("home", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "home")


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start ``perdure serve APP --port 0 OPTIONS`` in a process; what still runs at the end of the test is stopped."""
    with ExitStack() as running:
        count = 0

        def start(app: str | Path, *options: str, env: dict[str, str] | None = None) -> Server:
            nonlocal count
            count += 1
            return running.enter_context(serve(app, *options, log=tmp_path / f"server-{count}.log", env=env))

        yield start
