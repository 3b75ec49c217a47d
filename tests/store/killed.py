"""A process that publishes one build after the other until it is killed, and what must be left of it."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

from perdure.gtype.nodes import Integer
from perdure.store.opening import open_store
from perdure.store.records import Publication, PublishedVersion
from tests.store.samples import api, manifest, version

__all__ = ["build", "check_whole", "publish_until_killed"]

_CHILD = """
import sys
from perdure.store.opening import open_store
from tests.store.killed import build
store = open_store(sys.argv[1])
number = len(store.versions("shop"))
print("ready", flush=True)
while True:
    store.publish(build(number), at_s=float(number))
    number += 1
    print(number, flush=True)
"""


def build(number: int) -> Publication:
    """Return the build with *number* + 1 versions; each has other manifests."""
    manifests = tuple(manifest(f"handler{each:02}", summary=f"build {number}") for each in range(20))
    return Publication(app="shop", versions=tuple(_version(each) for each in range(number + 1)), manifests=manifests)


@cache
def _version(number: int) -> PublishedVersion:
    return version(f"v{number:04}", seconds=number, digest=f"{number:064}", api=api(50, first=Integer(ge=number)))


def publish_until_killed(url: str, rounds: int) -> Iterator[int]:
    """Yield, for each of so many processes that were killed while they published, how many builds it told of."""
    chance = random.Random(11)
    for _ in range(rounds):
        with subprocess.Popen(
            [sys.executable, "-c", _CHILD, url], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert "ready\n" == process.stdout.readline()
            with suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.02, 0.2))
            process.kill()
            told = process.stdout.read().splitlines()
            yield int(told[-1]) if told else 0


def check_whole(url: str, told: int) -> int:
    """Return how many builds the store has: all that were told of, at most one more, and the last of them whole."""
    store = open_store(url)
    versions = store.versions("shop")
    assert told <= len(versions) <= told + 1
    if versions:
        last = build(len(versions) - 1)
        assert last.versions == versions
        assert last.manifests == store.manifests("shop")
        assert {each.name for each in versions} == store.control("shop").versions.keys()
        assert not store.publish(last, at_s=1.0)
    store.close()
    return len(versions)
