"""What every provider does, over each of them: files and variables, a server of AWS' kind, a stub of Vault."""

import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from perdure.errors import SecretUnavailableError
from tests.secrets.places import KINDS, Place, make_place

pytestmark = pytest.mark.usefixtures("_aws_credentials")


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest, tmp_path: Path, moto_url: Callable[[], str]) -> AsyncIterator[Place]:
    found = make_place(request.param, tmp_path, moto_url)
    await found.provider.start()
    yield found
    await found.provider.stop()
    found.close()


async def test_a_secret_that_is_there_is_given(place: Place) -> None:
    place.put("first", "hunter2")
    place.put("second.name-1", " spaces, ünïcode and\nlines ")
    assert "hunter2" == await place.provider.fetch("first")
    assert " spaces, ünïcode and\nlines " == await place.provider.fetch("second.name-1")


async def test_a_secret_that_is_not_there_is_none(place: Place) -> None:
    assert None is await place.provider.fetch("first")
    place.put("other", "hunter2")
    assert None is await place.provider.fetch("first")


async def test_a_secret_that_was_changed_or_removed_is_so_at_the_next_fetch(place: Place) -> None:
    place.put("first", "hunter2")
    assert "hunter2" == await place.provider.fetch("first")
    place.put("first", "hunter3")
    assert "hunter3" == await place.provider.fetch("first")
    place.remove("first")
    assert None is await place.provider.fetch("first")


async def test_a_stamp_stays_while_the_secret_does(place: Place) -> None:
    place.put("first", "hunter2")
    assert await place.provider.stamp("first") == await place.provider.stamp("first")
    hash(await place.provider.stamp("first"))
    await place.provider.stamp("missing")


async def test_a_place_that_cannot_be_asked_says_so_and_carries_nothing(place: Place) -> None:
    if place.gone is None:
        assert "environment" == place.provider.name, "only the environment is always there"
        return
    gone = place.gone()
    await gone.start()
    with pytest.raises(SecretUnavailableError) as raised:
        await gone.fetch("first")
    await gone.stop()
    told = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert "s.token" not in told
    assert 1 == told.count("Traceback"), "what a library raised holds requests and tokens"


async def test_it_can_be_started_again(place: Place) -> None:
    place.put("first", "hunter2")
    await place.provider.stop()
    await place.provider.start()
    assert "hunter2" == await place.provider.fetch("first")
