"""Processes that create and revoke API keys until they are killed."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from perdure.store.opening import open_store
from tests.store.places import Place, place_of

CHILD = """
import sys
from perdure.store.api_keys import ApiKey
from perdure.store.opening import open_store
store = open_store(sys.argv[1])
number = len(store.api_keys("shop"))
print("ready", flush=True)
while True:
    id = f"{number:06}"
    store.add_api_key("shop", ApiKey(id=id, digest="ab" * 32, subject="x", created_s=float(number), created_by="me"))
    print("created", id, flush=True)
    store.revoke_api_key("shop", id, actor="me", at_s=1.0)
    print("revoked", id, flush=True)
    number += 1
"""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    found = place_of(request.param, tmp_path)
    yield found
    found.close()


def told_until_killed(url: str, after_s: float) -> list[str]:
    """Return what a process told of before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            process.wait(after_s)
        process.kill()
        return process.stdout.read().splitlines()


@pytest.mark.slow
def test_what_was_told_of_is_there_and_in_the_journal_after_a_kill(place: Place) -> None:
    chance = random.Random(5)
    for _ in range(2):
        told = told_until_killed(place.url, chance.uniform(0.02, 0.15))
        with closing(open_store(place.url)) as store:
            keys = store.api_keys("shop")
            created = {f"created {key.id}" for key in keys}
            revoked = {f"revoked {key.id}" for key in keys if key.revoked_s is not None}
            noted = sorted(entry.action for entry in store.journal("shop", 10**6))
        assert set(told) <= created | revoked
        assert len(keys) - len(revoked) <= 2, "of each process one at most was not revoked yet"
        said = [f"create API key {key.id} for x" for key in keys]
        said += [f"revoke API key {key.id} of x" for key in keys if key.revoked_s is not None]
        assert sorted(said) == noted
