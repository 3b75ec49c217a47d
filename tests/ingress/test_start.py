"""Apps that cannot start do not pretend to."""

import subprocess
import sys

import pytest

from tests.ingress.conftest import APPS, ENVIRONMENT, GRANIAN, UVICORN


@pytest.mark.parametrize("command", [GRANIAN, UVICORN], ids=["rsgi", "asgi"])
@pytest.mark.parametrize(
    ("target", "told"),
    [("broken:app", "no database"), ("malformed:app", "give each a version of its own")],
)
def test_server_of_an_app_that_cannot_start_ends_and_says_why(target: str, told: str, command: tuple[str, ...]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *command, "--port", "0", target], cwd=APPS, env=ENVIRONMENT,
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert told in ended.stderr + ended.stdout
